//! Files of answers: read off the runtime's threads, a part at a time.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use sanmon_core::interaction::response::{FileSource, Reply};
use tokio::sync::oneshot;

/// How much of a file is read at once.
const PART: usize = 64 << 10;

/// One blocking piece of work.
pub struct FileJob(Box<dyn FnOnce() + Send>);

/// Where blocking reads of files run.
#[derive(Clone)]
pub struct FileExecutor(Arc<dyn Fn(FileJob) + Send + Sync>);

/// A file that was opened, and how much of it is to be sent.
#[derive(Debug)]
pub(super) struct OpenFile {
    file: File,
    pub(super) left: u64,
}

/// A part of a file, and the file behind it.
pub(super) type Part = (OpenFile, io::Result<Bytes>);

impl FileJob {
    /// Does the work, which blocks.
    pub fn run(self) {
        (self.0)();
    }
}

impl fmt::Debug for FileJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileJob")
    }
}

impl FileExecutor {
    /// Reads wherever `run` takes the jobs, such as a pool of threads. It must not block, and may not lose any.
    pub fn new(run: impl Fn(FileJob) + Send + Sync + 'static) -> Self {
        Self(Arc::new(run))
    }

    async fn call<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
        self.begin(work).await.map_err(|_| io::Error::other("the executor lost a read"))
    }

    fn begin<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        (self.0)(FileJob(Box::new(move || {
            let _ = sender.send(work());
        })));
        receiver
    }

    /// Opens a file and finds out its size.
    pub(super) async fn open(&self, path: &Path) -> io::Result<OpenFile> {
        let path = path.to_owned();
        self.call(move || open(path)).await?
    }

    /// Whether all files of an answer can be opened.
    pub(super) async fn check(&self, reply: &Reply) -> io::Result<()> {
        for file in reply.files() {
            if let FileSource::Path(path) = &file.source {
                self.open(path).await?;
            }
        }
        Ok(())
    }

    /// Begins to read the next part of a file that is not at its end.
    pub(super) fn read(&self, file: OpenFile) -> oneshot::Receiver<Part> {
        self.begin(move || read(file))
    }
}

impl Default for FileExecutor {
    /// The runtime's threads for blocking work.
    fn default() -> Self {
        Self::new(|job| {
            tokio::task::spawn_blocking(move || job.run());
        })
    }
}

impl fmt::Debug for FileExecutor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileExecutor")
    }
}

fn open(path: PathBuf) -> io::Result<OpenFile> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(OpenFile { file, left: metadata.len() })
}

fn read(mut open: OpenFile) -> Part {
    let wanted = usize::try_from(open.left).unwrap_or(PART).min(PART);
    let mut part = vec![0; wanted];
    let result = open.file.read_exact(&mut part).map(|()| Bytes::from(part));
    open.left -= wanted as u64;
    (open, result)
}
