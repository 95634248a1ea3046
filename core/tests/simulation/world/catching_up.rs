//! From an answer of the store to live: the state at a place of the log, then what came after it, at the socket's pace.

use std::collections::VecDeque;
use std::time::Duration;

use sanmon_core::audience::Listener;
use sanmon_core::codec::Dispatch;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{Close, Code, Lane, Welcome};

use super::World;
use super::processes::url_of;
use super::serving::user_object;
use crate::link::{Answer, Ask, CHUNK, CatchUp, Phase, Source};
use crate::platform::id;
use crate::sabotage::Sabotage;

/// Missed entries that are loaded at once.
const PAGE: usize = 4;

/// What there is to do next for a connection that catches up.
enum Step {
    Send(Vec<bytes::Bytes>),
    Ask(Ask),
    Wait,
    GoLive,
}

impl World {
    /// The store reads for a connection, and answers later.
    pub(super) fn answer(&mut self, id: u64) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id).filter(|link| link.is_served()) else { return };
        let Some(question) = &mut link.question else { return };
        if question.answer.is_none() && question.read_at <= now {
            let user = link.session.user().map_or(0, |user| user.as_u64());
            let fails = now < self.hiccup_until && self.dice.percent(10);
            let answer = match &question.ask {
                _ if fails => Answer::Nothing,
                Ask::Who { session } => Answer::Who(self.platform.authenticate(now, *session)),
                Ask::State { after } => {
                    if let Some(ear) = &mut link.ear {
                        ear.read(&self.oracle);
                    }
                    match after.and_then(|after| Some((after, self.platform.missed(user, after)?))) {
                        Some((after, missed)) => Answer::Missed(after, missed),
                        None => Answer::Fresh(self.platform.snapshot(user)),
                    }
                }
                Ask::Again { after } => match self.platform.missed(user, *after) {
                    Some(missed) => {
                        if let Some(ear) = &mut link.ear {
                            ear.read_again(&self.oracle, after.as_u64());
                        }
                        Answer::Missed(*after, missed)
                    }
                    None => Answer::Nothing,
                },
                Ask::Page(places) => {
                    let entries = places.iter().map(|seq| self.platform.entry(*seq).cloned());
                    entries.collect::<Option<Vec<_>>>().map_or(Answer::Nothing, Answer::Page)
                }
            };
            question.answer = Some(answer);
        }
        if question.due <= now
            && let Some(answer) = link.question.take().and_then(|question| question.answer)
        {
            self.take_answer(id, answer);
        }
    }

    fn take_answer(&mut self, id: u64, answer: Answer) {
        let now = self.now;
        let Some(link) = self.links.get_mut(&id) else { return };
        match answer {
            Answer::Nothing => return self.end(id, Close::because(Code::Internal, "unavailable")),
            Answer::Who(principal) => link.session.handle_authenticated(now, principal),
            Answer::Page(entries) => {
                if let Phase::CatchingUp(CatchUp { source: Source::Missed { page, .. }, .. }) = &mut link.phase {
                    page.extend(entries);
                }
            }
            Answer::Fresh(snapshot) => {
                let user = link.session.user().map_or(0, |user| user.as_u64());
                let url = url_of(link.node);
                let welcome = Welcome {
                    user: &user_object(user),
                    guilds: snapshot.guilds.len() as u32,
                    url: &url,
                    resume_window: Duration::from_secs(300),
                };
                link.session.handle_ready(now, snapshot.head, &welcome);
                let inits = snapshot.guilds.iter().map(|(guild, presences)| init(*guild, presences)).collect();
                let guilds = snapshot.guilds.iter().map(|(guild, _)| crate::platform::id(*guild)).collect();
                self.catch_up(id, snapshot.head, guilds, Source::Inits(inits));
            }
            Answer::Missed(after, mut missed) => {
                if !matches!(link.phase, Phase::CatchingUp(_)) {
                    self.tally.resumed += 1;
                    link.session.handle_resumed(now, after, missed.seqs.len() as u64);
                }
                if self.is_sabotaged(Sabotage::LostReplay) {
                    missed.seqs.pop();
                }
                let source = Source::Missed { seqs: missed.seqs.into(), page: VecDeque::new() };
                self.catch_up(id, missed.head, missed.guilds, source);
            }
        }
        self.drive(id);
        self.pull(id);
    }

    fn catch_up(&mut self, link: u64, at: Seq, guilds: Vec<sanmon_core::id::Id>, source: Source) {
        // READY or RESUMED come first.
        self.drive(link);
        let Some(link) = self.links.get_mut(&link).filter(|link| link.is_served()) else { return };
        let Some(user) = link.session.user() else { return };
        link.phase = Phase::CatchingUp(CatchUp { listener: Listener::new(user, guilds), at, source });
    }

    /// Sends a connection that catches up as much as its socket takes.
    pub(super) fn pull(&mut self, id: u64) {
        let now = self.now;
        while let Some(step) = self.step(id) {
            match step {
                Step::Send(frames) => {
                    let Some(link) = self.links.get_mut(&id) else { return };
                    for frame in frames {
                        link.send(now, &mut self.dice, frame, Lane::CatchUp).expect("what catches up does not count");
                    }
                }
                Step::Ask(ask) => return self.ask(id, ask),
                Step::Wait => return,
                Step::GoLive => {
                    self.go_live(id);
                    return self.drive(id);
                }
            }
        }
    }

    /// The next step; none while the socket would block.
    fn step(&mut self, id: u64) -> Option<Step> {
        let keeps_here = self.is_sabotaged(Sabotage::LateGuilds);
        let link = self.links.get_mut(&id).filter(|link| link.is_served())?;
        let encoding = link.session.encoding();
        let Phase::CatchingUp(catch_up) = &mut link.phase else { return None };
        if !link.queue.is_empty() || link.question.is_some() {
            return None;
        }
        let (mut frames, mut bytes) = (Vec::new(), 0);
        let mut push = |dispatch: &Dispatch| {
            bytes += dispatch.frame(encoding).len();
            frames.push(dispatch.frame(encoding).clone());
            bytes >= CHUNK
        };
        match &mut catch_up.source {
            Source::Inits(inits) => {
                while let Some(init) = inits.pop_front() {
                    if push(&init) {
                        return Some(Step::Send(frames));
                    }
                }
                catch_up.source = Source::Ring;
            }
            Source::Missed { seqs, page } => {
                while let Some(entry) = page.pop_front() {
                    if entry.dispatch.as_ref().is_some_and(&mut push) {
                        return Some(Step::Send(frames));
                    }
                }
                if frames.is_empty() {
                    let places: Vec<Seq> = seqs.drain(..seqs.len().min(PAGE)).collect();
                    if !places.is_empty() {
                        return Some(Step::Ask(Ask::Page(places)));
                    }
                    catch_up.source = Source::Ring;
                }
            }
            Source::Ring => {
                let node = &self.nodes[link.node];
                if node.place < catch_up.at {
                    return Some(Step::Wait);
                }
                let oldest = self.platform.head().as_u64().saturating_sub(self.plan.ring);
                let floor = node.born_at.max(Seq::new(oldest));
                if catch_up.at < floor {
                    return Some(Step::Ask(Ask::Again { after: catch_up.at }));
                }
                if catch_up.at == node.place {
                    return Some(Step::GoLive);
                }
                for entry in self.platform.after(catch_up.at).iter().take_while(|entry| entry.seq <= node.place) {
                    catch_up.at = entry.seq;
                    if keeps_here && entry.change.is_some() {
                        continue;
                    }
                    if catch_up.listener.meet(entry) && entry.dispatch.as_ref().is_some_and(&mut push) {
                        break;
                    }
                }
            }
        }
        Some(Step::Send(frames))
    }
}

/// GUILD_INIT of a guild with the presences of its members.
fn init(guild: u64, presences: &[(u64, u8)]) -> Dispatch {
    let presences: Vec<String> =
        presences.iter().map(|(user, kind)| format!(r#"{{"id":{},"d":{{"type":{kind}}}}}"#, id(*user))).collect();
    let presences = presences.join(",");
    Dispatch::new(format!(r#"{{"t":"GUILD_INIT","d":{{"id":{guild},"channels":[],"presences":[{presences}]}}}}"#))
}
