//! A log that is fed from Postgres.

use std::rc::Rc;

use super::{Entry, Log, Place, Taken};

/// A log, and how far it was fed.
#[derive(Debug, Clone)]
pub struct Feed {
    /// What is told.
    pub log: Log,
    /// How far events were taken over.
    pub place: Place,
}

/// What came of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fed {
    /// These are to be told.
    Told(Vec<Rc<Entry>>),
    /// The log has begun anew: whoever is connected is behind.
    Anew,
}

impl Feed {
    /// Takes an answer in that was asked for at a place. One that was overtaken changes nothing. Where Postgres was set back to an earlier
    /// state, transactions will have numbers that others had: the log begins anew, with a new epoch.
    pub fn accept(&mut self, asked: &Place, taken: Taken, epoch: u64) -> Fed {
        if *asked != self.place {
            return Fed::Told(Vec::new());
        }
        self.place = asked.after(&taken);
        if taken.set_back {
            self.log = Log::new(epoch);
            return Fed::Anew;
        }
        Fed::Told(self.log.publish(taken.rows.into_iter().map(Into::into).collect()))
    }
}
