/// The bytes of vector files, made without the code under test.
public enum VectorBytes {
  /// Little-endian bytes of an integer.
  public static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    unsafe withUnsafeBytes(of: value.littleEndian) { unsafe Array($0) }
  }

  public static func bytes(_ value: Float) -> [UInt8] { bytes(value.bitPattern) }

  public static func fvecs(_ rows: [[Float]]) -> [UInt8] {
    rows.flatMap { bytes(Int32($0.count)) + $0.flatMap { bytes($0) } }
  }

  public static func bvecs(_ rows: [[UInt8]]) -> [UInt8] { rows.flatMap { bytes(Int32($0.count)) + $0 } }

  public static func ivecs(_ rows: [[Int32]]) -> [UInt8] {
    rows.flatMap { bytes(Int32($0.count)) + $0.flatMap { bytes($0) } }
  }

  /// fbin, u8bin or i8bin: a header and the components' bytes.
  public static func counted(rows: UInt32, dimension: UInt32, _ components: [UInt8]) -> [UInt8] {
    bytes(rows) + bytes(dimension) + components
  }

  /// An npy file with any header text.
  public static func npy(version: UInt8 = 1, header: String, _ components: [UInt8]) -> [UInt8] {
    let text = Array((header + "\n").utf8)
    let length = version == 1 ? bytes(UInt16(text.count)) : bytes(UInt32(text.count))
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + components
  }

  /// An npy file of two dimensions in C order.
  public static func npy(version: UInt8 = 1, type: String, rows: Int, dimension: Int, _ components: [UInt8]) -> [UInt8]
  {
    npy(
      version: version,
      header: "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(rows), \(dimension)), }", components)
  }
}
