/// The version that every tool's `--version` prints, and by which the metadata names the builder. Not the version of the
/// format.
package let packageVersion = "0.1.0"
