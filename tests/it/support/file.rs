//! Files that settings name.

use std::path::PathBuf;

use uuid::Uuid;

/// A file with some content, removed with the value.
#[derive(Debug)]
pub(crate) struct TemporaryFile(PathBuf);

impl TemporaryFile {
    pub(crate) fn new(content: impl AsRef<[u8]>) -> Self {
        let path = std::env::temp_dir().join(format!("modgate-test-{}", Uuid::now_v7().simple()));
        std::fs::write(&path, content).expect("the temporary directory can be written to");
        Self(path)
    }

    /// A name of which there is no file yet.
    pub(crate) fn nowhere() -> Self {
        let file = Self::new("");
        std::fs::remove_file(&file.0).expect("it was just made");
        file
    }

    pub(crate) fn path(&self) -> &str {
        self.0
            .to_str()
            .expect("the temporary directory has a plain name")
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
