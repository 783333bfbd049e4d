/// The header of a NumPy array file: type, order and shape (numpy.org, "NEP 1", versions 1 to 3).
struct NPYHeader {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// NumPy's name of what the numbers are, byte order first, such as `<f4`.
  let type: String
  let rows: UInt64
  let dimension: UInt64

  /// Why a header is refused, and what to do.
  struct Refusal: Error {
    let reason: String
  }

  /// Parses the text of a header, a Python dictionary such as
  /// `{'descr': '<f4', 'fortran_order': False, 'shape': (1000, 128), }`.
  init(text: [UInt8]) throws(Refusal) {
    var scanner = PythonScanner(text)
    var descr: PythonScanner.Value?
    var fortranOrder: PythonScanner.Value?
    var shape: PythonScanner.Value?
    for (key, value) in try scanner.dictionary() {
      switch key {
      case "descr": descr = value
      case "fortran_order": fortranOrder = value
      case "shape": shape = value
      default: throw Refusal(reason: "its header has the unknown key '\(key)'")
      }
    }
    guard let descr, let fortranOrder, let shape else {
      throw Refusal(reason: "its header lacks 'descr', 'fortran_order' or 'shape'")
    }
    guard case .string(let type) = descr else {
      throw Refusal(reason: "it is a structured array; save one of its fields alone")
    }
    self.type = type
    switch fortranOrder {
    case .bool(false): break
    case .bool(true):
      throw Refusal(
        reason: "the array is in Fortran order (column by column); save numpy.ascontiguousarray(a) instead")
    default: throw Refusal(reason: "'fortran_order' is neither True nor False")
    }
    guard case .tuple(let lengths) = shape else { throw Refusal(reason: "'shape' is not a tuple of numbers") }
    guard lengths.count == 2 else {
      throw Refusal(
        reason: "the array has \(lengths.count) dimensions, expected 2, rows and components; reshape it before saving")
    }
    rows = lengths[0]
    dimension = lengths[1]
  }

  /// The numbers as components of vectors.
  func componentType() throws(Refusal) -> ComponentType {
    switch type {
    case "<f4": return .f32
    case "<f2": return .f16
    case "|u1", "<u1": return .u8
    case "|i1", "<i1": return .i8
    case ">f4", ">f2":
      throw Refusal(reason: "its numbers are big-endian ('\(type)'); save a.astype('<\(type.dropFirst())') instead")
    case _ where type.dropFirst().hasPrefix("O"):
      throw Refusal(
        reason: "it holds pickled Python objects, which are never loaded; save numpy.stack(a).astype('float32') instead"
      )
    default:
      throw Refusal(
        reason: "the component type '\(type)' is not read (float32, float16, uint8 and int8 are);"
          + " save a.astype('float32') instead")
    }
  }

  /// The numbers as ids.
  func idComponent() throws(Refusal) -> IDMatrix.Component {
    switch type {
    case "<i8": return .i64
    case "<i4": return .i32
    case "<u4": return .u32
    default:
      throw Refusal(
        reason: "the type '\(type)' is not that of ids (int64, int32 and uint32 are); save a.astype('int64') instead")
    }
  }

  /// A version 1 header of an array in C order, padded to 128 bytes for any number of rows.
  static func bytes(type: String, rows: UInt64, columns: Int) -> [UInt8] {
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(rows), \(columns)), }"
    let size = 118
    precondition(text.utf8.count < size, "an npy header outgrew its 128 bytes")
    var bytes = magic + [1, 0, UInt8(size), 0]
    bytes += Array(text.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: size - 1 - text.utf8.count)
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }
}
