//! Saving to files, so that a crash leaves the old one or the new one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::Path,
};

/// Writes a file in the place of another one, if there is one: a reader sees the one or the other, and after a crash
/// there is the one or the other. Only one writer at a time: see [`Lock`].
pub(super) fn save(path: &Path, content: &[u8], owner: &Owner) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().create_new(true).open(&temporary)?;
    file.write_all(content)?;
    owner.give(&file)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_folder(path)
}

/// Creates a folder for its owner alone, unless it exists.
pub(super) fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The right to write in a folder, until it is dropped or the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits until nobody else has it.
    #[cfg(unix)]
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let file = private().create(true).truncate(false).open(path)?;
        loop {
            match rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Opens the file alone: an error if somebody else has it.
    #[cfg(windows)]
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        use std::os::windows::fs::OpenOptionsExt;

        let file = private()
            .create(true)
            .truncate(false)
            .share_mode(0)
            .open(path)?;
        Ok(Self { _file: file })
    }

    #[cfg(not(any(unix, windows)))]
    pub(super) fn new(_: &Path) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The owner, the group and the permissions of a new file.
#[derive(Debug)]
pub(super) struct Owner {
    #[cfg(unix)]
    user: u32,
    #[cfg(unix)]
    group: u32,
    #[cfg(unix)]
    mode: u32,
}

impl Owner {
    /// Takes those of a file, or the owner and the group of a folder.
    #[cfg(unix)]
    pub(super) fn of(model: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;

        let model = fs::metadata(model)?;
        Ok(Self {
            user: model.uid(),
            group: model.gid(),
            mode: match model.is_file() {
                true => model.mode() & 0o640,
                false => 0o600,
            },
        })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    fn give(&self, file: &File) -> io::Result<()> {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

        let own = file.metadata()?;
        if (own.uid(), own.gid()) != (self.user, self.group) {
            fchown(file, Some(self.user), Some(self.group))?;
        }
        file.set_permissions(fs::Permissions::from_mode(self.mode))
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self, clippy::unnecessary_wraps)] // as on Unix
    fn give(&self, _: &File) -> io::Result<()> {
        Ok(())
    }
}

/// Opens a file for writing that a new one is for its owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes the name of a new file outlast a crash.
#[cfg(unix)]
fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|path| !path.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps)] // as on Unix
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
