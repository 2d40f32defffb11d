//! The output file: written under a temporary name, renamed when it is complete, removed when it is not.

use std::{
    fs::{File, OpenOptions},
    io,
    path::{Path, PathBuf},
    process::exit,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    thread,
};

use tempfile::{NamedTempFile, TempPath};
use tokio::signal::unix::{SignalKind, signal};

use crate::{CommandError, failed, is_stdio};

/// The temporary file that a signal must remove.
static UNFINISHED: Mutex<Option<TempPath>> = Mutex::new(None);

fn unfinished() -> MutexGuard<'static, Option<TempPath>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that gets its name when it is complete. Until then it is `.recompress-XXXXXX` in the same folder. Dropping it,
/// SIGINT, SIGTERM and SIGHUP remove it. There is one at a time.
pub struct NewFile {
    file: File,
    path: PathBuf,
    force: bool,
}

impl NewFile {
    /// Refuses to replace a file unless `force` is set.
    pub fn create(path: &Path, force: bool) -> Result<Self, CommandError> {
        if !force && path.exists() {
            return Err(CommandError("output_exists", format!("{} exists; --force replaces it", path.display())));
        }
        let failed = |error: io::Error| failed("write", path, &error);
        remove_at_signals().map_err(failed)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Locked before the file exists: a signal waits for the lock, so it removes this file or finds none.
        let mut unfinished = unfinished();
        let (file, temporary) = new_file(folder).map_err(failed)?.into_parts();
        *unfinished = Some(temporary);
        Ok(Self { file, path: path.to_owned(), force })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name.
    pub fn keep(self) -> io::Result<()> {
        let temporary = unfinished().take().expect("only the end of this value takes it");
        let persisted =
            if self.force { temporary.persist(&self.path) } else { temporary.persist_noclobber(&self.path) };
        persisted.map_err(|error| error.error)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        *unfinished() = None;
    }
}

/// Starts a thread, once, that waits for the signals which end a process and then removes the unfinished file.
fn remove_at_signals() -> io::Result<()> {
    static STARTED: Once = Once::new();
    let mut result = Ok(());
    STARTED.call_once(|| result = start_watching());
    result
}

fn start_watching() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    let mut signals = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .map(|kind| signal(kind).map(|signal| (kind.as_raw_value(), signal)))
        .into_iter()
        .collect::<io::Result<Vec<_>>>()?;
    drop(context);
    thread::spawn(move || {
        let number = runtime.block_on(first_of(&mut signals));
        // Held to the end of the process, so that no other temporary file appears.
        let mut unfinished = unfinished();
        *unfinished = None;
        // A shell's number for a process that a signal ended.
        exit(128 + number)
    });
    Ok(())
}

/// Waits for the first of the signals.
async fn first_of(signals: &mut [(i32, tokio::signal::unix::Signal)]) -> i32 {
    std::future::poll_fn(|cx| {
        let first = signals.iter_mut().find_map(|(number, signal)| signal.poll_recv(cx).is_ready().then_some(*number));
        first.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
    })
    .await
}

/// Whether two paths lead to the same file: by another name, a link or a redirection.
pub fn is_same_file(input: &Path, output: &Path) -> bool {
    match (identity(input, "/dev/stdin"), identity(output, "/dev/stdout")) {
        (Some(input), Some(output)) => input == output,
        _ => false,
    }
}

/// Device and inode of a regular file.
fn identity(path: &Path, stdio: &str) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = if is_stdio(path) { Path::new(stdio) } else { path }.metadata().ok()?;
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// Whether `path` is a device like `/dev/null`, which a rename would replace.
pub fn is_device(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

pub fn open_device(path: &Path) -> Result<File, CommandError> {
    OpenOptions::new().write(true).open(path).map_err(|error| failed("write", path, &error))
}

/// A temporary file with the usual permissions of a new file.
fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".recompress-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(folder)
}

/// The input's name with `.tar.br` in place of `.zip`, or after any other extension.
pub fn default_output(input: &Path) -> PathBuf {
    match input.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("zip") => input.with_extension("tar.br"),
        _ => {
            let mut name = input.as_os_str().to_owned();
            name.push(".tar.br");
            name.into()
        }
    }
}
