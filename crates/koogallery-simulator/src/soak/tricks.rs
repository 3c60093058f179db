//! Deliveries out of order.

use super::{customer::Customer, model::Change};
use crate::{call::Unsupported, verdict::Expectation};

impl Customer<'_> {
    /// The later of two renewals arrives first: the earlier one must not lower the expiry again.
    pub(super) async fn swap_renewals(&mut self) {
        let (early_order, late_order) = (self.next_order('R'), self.next_order('R'));
        let (early, late) = (self.next_expiry(), self.next_expiry());
        self.renew_until("the later renewal first", &late_order, late).await;
        if !self.lost_touch {
            self.renew_until("the earlier renewal late", &early_order, early).await;
        }
    }

    /// A freeze, and a second copy of it that was signed before the unfreeze and arrives after it: the copy must be
    /// answered with success and change nothing.
    pub(super) async fn stale_freeze(&mut self) -> Result<(), Unsupported> {
        let freeze = self.change_call(Change::Freeze)?;
        let thaw = self.change_call(Change::Thaw)?;
        let success = Expectation::success_of(&freeze);
        let reply = self.deliver("freeze", &freeze, &success).await;
        self.record(Change::Freeze, reply.as_ref());
        if self.lost_touch {
            return Ok(());
        }
        let stale = self.prepare(&freeze);
        let reply = self.deliver("unfreeze", &thaw, &success).await;
        self.record(Change::Thaw, reply.as_ref());
        let exchange = self.product.marketplace.send(&stale).await;
        *self.tally.steps.entry("a stale freeze").or_default() += 1;
        self.accept("a stale freeze", &success, exchange);
        Ok(())
    }
}
