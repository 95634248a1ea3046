//! When no more files can be opened: telling connections so instead of letting them wait.

use std::fs::File;
use std::io;

use futures_util::FutureExt as _;

use crate::listen::Listener;

/// A file that is of no use but to be closed: its place lets one connection in that there is no place for, to be closed at
/// once. Without it those who connect would wait in the kernel's queue and be told nothing.
#[derive(Debug)]
pub(super) struct Spare(Option<File>);

/// What became of the connections that waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// This many were closed, and nobody waits any longer.
    All(u32),
    /// Not even the spare place could be had.
    NoPlace,
}

impl Spare {
    pub(super) fn open() -> Self {
        Self(Self::file())
    }

    fn file() -> Option<File> {
        File::open("/dev/null").ok()
    }

    /// Closes the connections that wait, as many as there may be in one turn.
    pub(super) fn turn_away(&mut self, listener: &Listener) -> TurnedAway {
        let mut count = 0;
        // One after the other into the one place, as another thread may take it meanwhile.
        drop(self.0.take());
        let outcome = loop {
            match listener.accept().now_or_never() {
                None => break TurnedAway::All(count),
                Some(Ok(connection)) => drop(connection),
                Some(Err(error)) if is_out_of_files(&error) => break TurnedAway::NoPlace,
                Some(Err(_)) => {}
            }
            count += 1;
            if count == Self::AT_ONCE {
                break TurnedAway::All(count);
            }
        };
        self.0 = Self::file();
        outcome
    }

    /// How many are turned away before others get their turn.
    const AT_ONCE: u32 = 256;
}

/// Whether there is no room for another file, in the process or on the machine.
pub(super) fn is_out_of_files(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| {
        code == rustix::io::Errno::MFILE.raw_os_error() || code == rustix::io::Errno::NFILE.raw_os_error()
    })
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::*;
    use crate::config::{Address, Config};

    #[tokio::test]
    async fn those_who_wait_are_closed() {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap(), &Config::default()).unwrap();
        let Address::Tcp(address) = *listener.address() else { panic!("a TCP address") };
        let mut streams = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
        let (mut spare, mut closed) = (Spare::open(), 0);
        while closed < 2 {
            let TurnedAway::All(more) = spare.turn_away(&listener) else { panic!("there are files") };
            closed += more;
            tokio::task::yield_now().await;
        }
        for stream in &mut streams {
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        }
        assert!(spare.0.is_some());
        assert_eq!(spare.turn_away(&listener), TurnedAway::All(0));
    }

    #[test]
    fn only_want_of_files_is_want_of_files() {
        assert!(is_out_of_files(&rustix::io::Errno::MFILE.into()) && is_out_of_files(&rustix::io::Errno::NFILE.into()));
        assert!(!is_out_of_files(&rustix::io::Errno::NOBUFS.into()) && !is_out_of_files(&io::ErrorKind::Other.into()));
    }
}
