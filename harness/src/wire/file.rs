//! Files that somebody else wrote, or named by mistake.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a text file of at most `bytes_max` bytes. A device that never ends is one that is too long.
///
/// # Errors
/// The file cannot be opened or read, is longer, or is not UTF-8.
pub fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?
        .take(bytes_max.saturating_add(1))
        .read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        let why = format!("it is longer than {bytes_max} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_whole_up_to_its_bound_and_not_beyond() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("text");
        std::fs::write(&path, "four").expect("a file");
        assert_eq!(read_text(&path, 4).expect("it fits"), "four");
        for (path, bound) in [(path.as_path(), 3), (Path::new("/dev/zero"), 1 << 10)] {
            let error = read_text(path, bound).expect_err("it is longer");
            assert_eq!(error.to_string(), format!("it is longer than {bound} bytes"));
        }
        let missing = read_text(&folder.path().join("none"), 4).expect_err("no file");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }
}
