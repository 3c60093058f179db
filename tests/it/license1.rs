//! License 1.0: a purchase becomes a license whose code verifies, and every later call finds it.

mod events;
mod purchase;

use koogallery_simulator::{Call, Line};

use crate::harness::{Door, stamp};

/// A purchase of one unit of the standard plan for a year.
fn buy(order_id: &str) -> Call {
    let call = Call::buy(Line::License1, order_id).unwrap().product("P-STANDARD-YEAR");
    call.customer("c-0001", "张三").expires_at(stamp("2027-03-02T08:00:00Z"))
}

/// A renewal until `expires`.
fn renew(instance_id: &str, order_id: &str, expires: &str) -> Call {
    Call::renew(Line::License1, instance_id, order_id, stamp(expires))
}

fn expire(instance_id: &str) -> Call {
    Call::expire(Line::License1, instance_id, "CS0001").unwrap()
}

fn release(instance_id: &str) -> Call {
    Call::release(Line::License1, instance_id, Some("CS0001"))
}

/// The instance of a fresh purchase `CS0001`.
async fn bought(door: &Door) -> String {
    door.bought(&buy("CS0001")).await.0
}
