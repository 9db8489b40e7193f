//! The way of bytes from socket to socket without toxics: by splice, through a pipe, without a copy of ours.
//! Without splice or without a pipe, bytes go through the pipeline instead, which then has no stages.

#[cfg(not(target_os = "linux"))]
pub(super) use copying::Transfer;
#[cfg(target_os = "linux")]
pub(super) use splicing::Transfer;

/// The result of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// So many bytes were written.
    Wrote(usize),
    /// So many bytes were read and wait to be written.
    Read(usize),
    /// There is nothing to read.
    SourceEmpty,
    /// The receiver takes no more.
    TargetFull,
    /// The sender has ended its stream.
    End,
}

#[cfg(target_os = "linux")]
mod splicing {
    use std::io::{self, ErrorKind};
    use std::os::fd::{AsFd, OwnedFd};

    use bytes::Bytes;
    use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
    use tokio::io::Interest;
    use tokio::net::TcpStream;

    use super::Step;

    /// Bytes that a pipe takes at once.
    const PIPE_BYTES: usize = 256 << 10;

    /// A pipe between two sockets.
    #[derive(Debug)]
    pub(crate) struct Transfer {
        out: OwnedFd,
        into: OwnedFd,
        inside: usize,
    }

    impl Transfer {
        /// Returns none if the system has no pipe left.
        pub(crate) fn new() -> Option<Self> {
            let made = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
            let (out, into) = made.inspect_err(|error| tracing::warn!(%error, "no pipe")).ok()?;
            // A user may have little pipe memory left: the usual size works as well.
            let _usual_size = fcntl_setpipe_size(&into, PIPE_BYTES);
            Some(Self { out, into, inside: 0 })
        }

        pub(crate) fn is_empty(&self) -> bool {
            self.inside == 0
        }

        /// Reads only into an empty pipe, so that "would block" can only mean the socket.
        pub(crate) fn step(&mut self, source: &TcpStream, target: &TcpStream) -> io::Result<Step> {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            if self.inside == 0 {
                let read = source.try_io(Interest::READABLE, || {
                    Ok(splice(source.as_fd(), None, &self.into, None, PIPE_BYTES, flags)?)
                });
                return match read {
                    Ok(0) => Ok(Step::End),
                    Ok(read) => {
                        self.inside = read;
                        Ok(Step::Read(read))
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::SourceEmpty),
                    Err(error) => Err(error),
                };
            }
            let written = target.try_io(Interest::WRITABLE, || {
                Ok(splice(&self.out, None, target.as_fd(), None, self.inside, flags)?)
            });
            match written {
                Ok(0) => Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.inside -= written;
                    Ok(Step::Wrote(written))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Step::TargetFull),
                Err(error) => Err(error),
            }
        }

        /// Takes out the bytes that have been read and not written.
        pub(crate) fn take_back(&mut self) -> io::Result<Bytes> {
            let mut bytes = vec![0; self.inside];
            let mut filled = 0;
            while filled < bytes.len() {
                match rustix::io::read(&self.out, &mut bytes[filled..])? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    read => filled += read,
                }
            }
            self.inside = 0;
            Ok(bytes.into())
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod copying {
    use std::io;

    use bytes::Bytes;
    use tokio::net::TcpStream;

    use super::Step;

    /// Never made.
    #[derive(Debug)]
    pub(crate) enum Transfer {}

    impl Transfer {
        pub(crate) fn new() -> Option<Self> {
            None
        }

        pub(crate) fn is_empty(&self) -> bool {
            match *self {}
        }

        pub(crate) fn step(&mut self, _source: &TcpStream, _target: &TcpStream) -> io::Result<Step> {
            match *self {}
        }

        pub(crate) fn take_back(&mut self) -> io::Result<Bytes> {
            match *self {}
        }
    }
}
