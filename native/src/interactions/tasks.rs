//! Listeners and continuations that run: how many, and how they end.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

/// What runs on behalf of interactions. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    running: AtomicUsize,
    emptied: Notify,
    cuts: watch::Sender<u64>,
}

/// Counts one task for as long as it lives.
struct Running(Arc<Inner>);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}

impl Tasks {
    /// Runs a future to its end, or until [`Self::cut`].
    pub(super) fn spawn(&self, runtime: &Handle, future: impl Future<Output = ()> + Send + 'static) {
        self.0.running.fetch_add(1, Ordering::SeqCst);
        let running = Running(Arc::clone(&self.0));
        let mut cuts = self.0.cuts.subscribe();
        runtime.spawn(async move {
            let _running = running;
            tokio::select! {
                () = future => {}
                _ = cuts.changed() => {}
            }
        });
    }

    /// The same, but what it does before it first waits is done here, so that most of them need no task of their own.
    pub(super) fn begin(&self, runtime: &Handle, future: impl Future<Output = ()> + Send + 'static) {
        let mut future = Box::pin(future);
        if future.as_mut().now_or_never().is_none() {
            self.spawn(runtime, future);
        }
    }

    /// Waits until nothing runs.
    pub(super) async fn emptied(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.running.load(Ordering::SeqCst) == 0 {
                return;
            }
            emptied.await;
        }
    }

    /// Ends what runs now, wherever it waits.
    pub(super) fn cut(&self) {
        self.0.cuts.send_modify(|cuts| *cuts += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_need_not_wait_is_done_at_once() {
        let (tasks, (sender, mut receiver)) = (Tasks::default(), tokio::sync::oneshot::channel());
        tasks.begin(&Handle::current(), async move { sender.send(1).unwrap() });
        assert_eq!(receiver.try_recv(), Ok(1));
        let (sender, receiver) = tokio::sync::oneshot::channel();
        tasks.begin(&Handle::current(), async move {
            tokio::task::yield_now().await;
            sender.send(2).unwrap();
        });
        assert_eq!(receiver.await, Ok(2));
        tasks.emptied().await;
    }

    #[tokio::test]
    async fn tasks_end_by_themselves_or_are_cut() {
        let tasks = Tasks::default();
        tasks.emptied().await;
        tasks.spawn(&Handle::current(), async { tokio::task::yield_now().await });
        tasks.emptied().await;
        tasks.spawn(&Handle::current(), std::future::pending());
        tokio::task::yield_now().await;
        tasks.cut();
        tasks.emptied().await;
    }
}
