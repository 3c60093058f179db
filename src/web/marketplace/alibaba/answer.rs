//! One call and its answer, in the marketplace's words.

use std::fmt::Write as _;

use crate::{
    base::{limits, slug::Slug, text::truncate},
    marketplace::alibaba::{
        call::{Action, Call, Rejected},
        reply::{AppInfo, Reply},
    },
    store::Tx,
    usecase::{Context, Done, inbound::Inbound, outcome::Outcome},
    web::marketplace::carried::{self, Appears},
};

/// The interface's name in the log.
const TRANSPORT: &str = "alibaba";

/// An authentic call.
#[derive(Debug)]
pub(super) struct Authenticated {
    pub(super) channel: Slug,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) parsed: Result<Call, Rejected>,
}

impl Authenticated {
    fn action(&self) -> Option<Action> {
        self.parsed.as_ref().map_or_else(|rejected| rejected.action, |call| Some(call.action))
    }
}

impl carried::Call for Authenticated {
    type Reply = Reply;

    fn channel(&self) -> &Slug {
        &self.channel
    }

    fn appears(&self) -> Appears {
        let call = self.parsed.as_ref().ok();
        Appears {
            transport: TRANSPORT,
            activity: self.action().map(|action| action.as_str().to_owned()),
            order_id: call.and_then(|call| call.order_id.clone()),
            instance_id: call.and_then(|call| call.instance_id.clone()),
            request: shown(&self.parameters),
        }
    }

    fn inbound(&self, ctx: Context) -> Result<Inbound, String> {
        let parsed = self.parsed.as_ref().map_err(|rejected| rejected.reason.clone())?;
        let (event, notes) = (parsed.event.clone(), parsed.notes.clone());
        // A call says no time: it counts from when it came.
        Ok(Inbound { event, signed_at: ctx.now, debug: false, nonce: None, notes })
    }

    fn answered(&self, _: &mut Tx, _: Context, outcome: Outcome) -> Done<Reply> {
        Ok(match outcome {
            Outcome::Done | Outcome::Instances(_) => Reply::Done,
            Outcome::Purchased(purchased) => {
                let instance = purchased.instance;
                let app_info = AppInfo {
                    front_end_url: instance.front_end_url,
                    admin_url: instance.delivery.admin_url,
                    user_name: instance.delivery.user_name,
                    password: instance.delivery.initial_password,
                };
                Reply::Created { instance_id: instance.instance_id, app_info: Box::new(app_info) }
            }
            Outcome::InProgress(_) => self.refused("It is on its way; ask again."),
            Outcome::Refused(refusal) => self.refused(&carried::in_words(&refusal)),
        })
    }

    fn refused(&self, why: &str) -> Reply {
        match self.action() {
            Some(Action::Create) => Reply::NotCreated(why.to_owned()),
            _ => Reply::Failed(why.to_owned()),
        }
    }

    fn failed(&self) -> Reply {
        self.refused("Something went wrong on our side; try again.")
    }

    fn logged(reply: &Reply) -> (String, String) {
        (reply.code().to_owned(), reply.message().to_owned())
    }
}

/// The call as the log shows it: without its token.
fn shown(parameters: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters {
        let value = if name == "token" { "(hidden)" } else { value };
        let printable: String = value.chars().filter(|char| !char.is_control()).collect();
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}: {}", truncate(name, 64), truncate(&printable, 512));
    }
    truncate(&text, limits::MESSAGE_REQUEST_CHARS)
}
