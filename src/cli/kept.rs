//! Heads of seals that were kept outside of the database.

use std::path::Path;

use super::Failed;
use crate::audit::verify::KeptHeads;

/// The heads in a file.
pub(super) fn kept_heads(path: &Path) -> Result<KeptHeads, Failed> {
    let text = std::fs::read_to_string(path).map_err(|error| unusable(path, &error))?;
    let kept = KeptHeads::read(&text);
    if kept.is_empty() {
        return Err(Failed(format!("{} holds no heads", path.display())));
    }
    Ok(kept)
}

pub(super) fn unusable(path: &Path, error: &std::io::Error) -> Failed {
    Failed(format!("{}: {error}", path.display()))
}
