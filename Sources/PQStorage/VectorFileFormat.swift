/// The formats of vector files that can be read and written.
public enum VectorFileFormat: String, CaseIterable, Sendable {
  /// Rows of an i32 dimension and f32 or u8 components.
  case fvecs, bvecs
  /// A header of two u32, rows and dimension, then packed rows of f32, u8 or i8.
  case fbin, u8bin, i8bin
  /// NumPy's array of two dimensions; read as f32, f16, u8 or i8, written as f32.
  case npy

  /// The format that the extension of `path` names.
  public init?(path: String) {
    guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return nil }
    self.init(rawValue: path[path.index(after: dot)...].lowercased())
  }

  /// Whether each row begins with its dimension.
  package var hasRowHeaders: Bool { self == .fvecs || self == .bvecs }

  /// How this format stores a component; npy, which can store each type, is written as f32.
  package var componentType: ComponentType {
    switch self {
    case .fvecs, .fbin, .npy: .f32
    case .bvecs, .u8bin: .u8
    case .i8bin: .i8
    }
  }

  /// The names of all formats, for help and errors.
  public static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

/// How a vector file stores a component.
public enum ComponentType: String, Sendable {
  case f32, f16, u8, i8

  package var bytes: Int {
    switch self {
    case .f32: 4
    case .f16: 2
    case .u8, .i8: 1
    }
  }

  /// The integers that it can hold; nil if it holds more than integers.
  package var integers: ClosedRange<Int>? {
    switch self {
    case .f32, .f16: nil
    case .u8: 0...255
    case .i8: -128...127
    }
  }
}
