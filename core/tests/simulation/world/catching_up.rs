//! From an answer of the store to live: the state at a place of the log, then what came after it, at the socket's pace.

use std::sync::Arc;
use std::time::Duration;

use sanmon_core::audience::Listener;
use sanmon_core::codec::Dispatch;
use sanmon_core::entry::Entry;
use sanmon_core::event::Seq;
use sanmon_core::gateway::{CatchUp, CatchUpLimits, CatchUpStep, Close, Code, Lagged, Lane, Recent, Welcome};
use sanmon_core::id::Id;

use super::World;
use super::processes::url_of;
use super::serving::user_object;
use crate::link::{Answer, Ask, Phase};
use crate::platform::{Missed, Platform, id};
use crate::sabotage::Sabotage;

/// Missed entries that are loaded at once.
const PAGE: usize = 4;

/// Small ones, so that a world of few events has many steps.
pub(super) const LIMITS: CatchUpLimits = CatchUpLimits { chunk_bytes: 300, walk: 5, rounds: 8 };

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
                Ask::Page(replay) => {
                    let mut rest = replay.clone();
                    match self.platform.next_page(&mut rest, PAGE) {
                        Some(entries) => Answer::Page(entries, rest),
                        None => Answer::Nothing,
                    }
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
        let (now, is_sabotaged) = (self.now, self.is_sabotaged(Sabotage::LostReplay));
        let Some(link) = self.links.get_mut(&id) else { return };
        match answer {
            Answer::Nothing => return self.end(id, Close::because(Code::Internal, "unavailable")),
            Answer::Who(principal) => link.session.handle_authenticated(now, principal),
            Answer::Page(mut entries, rest) => {
                if is_sabotaged && rest.is_done() {
                    entries.pop();
                }
                if let Phase::CatchingUp(catch_up) = &mut link.phase {
                    catch_up.handle_page(entries, rest);
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
                let inits =
                    snapshot.guilds.iter().map(|(guild, presences)| Arc::new(init(*guild, presences))).collect();
                let guilds = snapshot.guilds.iter().map(|(guild, _)| crate::platform::id(*guild)).collect();
                self.catch_up(id, guilds, |listener| CatchUp::from_state(listener, snapshot.head, inits));
            }
            Answer::Missed(_, Missed { head, guilds, replay, .. }) if matches!(link.phase, Phase::CatchingUp(_)) => {
                let Some(user) = link.session.user() else { return };
                if let Phase::CatchingUp(catch_up) = &mut link.phase {
                    catch_up.handle_replay(Listener::new(user, guilds), head, replay);
                }
            }
            Answer::Missed(after, Missed { head, guilds, replay, count }) => {
                self.tally.resumed += 1;
                link.session.handle_resumed(now, after, count);
                self.catch_up(id, guilds, |listener| CatchUp::from_replay(listener, head, replay));
            }
        }
        self.drive(id);
        self.pull(id);
    }

    fn catch_up(&mut self, link: u64, guilds: Vec<Id>, begin: impl FnOnce(Listener) -> CatchUp) {
        // READY or RESUMED come first.
        self.drive(link);
        let Some(link) = self.links.get_mut(&link).filter(|link| link.is_served()) else { return };
        let Some(user) = link.session.user() else { return };
        link.phase = Phase::CatchingUp(Box::new(begin(Listener::new(user, guilds))));
    }

    /// Sends a connection that catches up as much as its socket takes.
    pub(super) fn pull(&mut self, id: u64) {
        let now = self.now;
        while let Some(step) = self.step(id) {
            match step {
                CatchUpStep::Write(frames) => {
                    let Some(link) = self.links.get_mut(&id) else { return };
                    for frame in frames {
                        link.send(now, &mut self.dice, frame, Lane::CatchUp).expect("what catches up does not count");
                    }
                }
                CatchUpStep::Load(replay) => return self.ask(id, Ask::Page(replay)),
                CatchUpStep::LoadSince(after) => return self.ask(id, Ask::Again { after }),
                CatchUpStep::GiveUp => return self.end(id, Close::new(Code::SlowConsumer)),
                CatchUpStep::MeetDriver | CatchUpStep::MeetAnswer => return,
                CatchUpStep::GoLive => {
                    self.go_live(id);
                    return self.drive(id);
                }
            }
        }
    }

    /// The next step; none while the socket would block.
    fn step(&mut self, id: u64) -> Option<CatchUpStep> {
        let keeps_here = self.is_sabotaged(Sabotage::LateGuilds);
        let link = self.links.get_mut(&id).filter(|link| link.is_served())?;
        let encoding = link.session.encoding();
        let Phase::CatchingUp(catch_up) = &mut link.phase else { return None };
        if !link.queue.is_empty() || link.question.is_some() {
            return None;
        }
        let node = &self.nodes[link.node];
        let oldest = self.platform.head().as_u64().saturating_sub(self.plan.ring);
        let ring = Ring { platform: &self.platform, floor: node.born_at.max(Seq::new(oldest)), keeps_here };
        Some(catch_up.step(&LIMITS, &ring, node.place, |dispatch| dispatch.frame(encoding).clone()))
    }
}

/// The newest entries, as a node holds them.
struct Ring<'a> {
    platform: &'a Platform,
    floor: Seq,
    /// A fault: nobody hears who comes and goes.
    keeps_here: bool,
}

impl Recent for Ring<'_> {
    fn between(&self, after: Seq, until: Seq, most: usize) -> Result<Vec<Arc<Entry>>, Lagged> {
        if after < self.floor {
            return Err(Lagged);
        }
        let entries = self.platform.after(after).iter().take_while(|entry| entry.seq <= until);
        let entries = entries.filter(|entry| !(self.keeps_here && entry.change.is_some()));
        Ok(entries.take(most).cloned().collect())
    }
}

/// GUILD_INIT of a guild with the presences of its members.
fn init(guild: u64, presences: &[(u64, u8)]) -> Dispatch {
    let presences: Vec<String> =
        presences.iter().map(|(user, kind)| format!(r#"{{"id":{},"d":{{"type":{kind}}}}}"#, id(*user))).collect();
    let presences = presences.join(",");
    Dispatch::new(format!(r#"{{"t":"GUILD_INIT","d":{{"id":{guild},"channels":[],"presences":[{presences}]}}}}"#))
}
