//! Deliveries out of order, and calls after the end.

use super::{customer::Customer, model::Change};
use crate::{
    call::Unsupported,
    line::Line,
    verdict::{Expectation, SUCCESS, UNKNOWN_INSTANCE},
};

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

    /// After the end: everything is answered, nothing changes, and a renewal finds nobody.
    pub(super) async fn afterlife(&mut self) -> Result<(), Unsupported> {
        let line = self.line();
        self.change("release again", Change::Release).await?;
        if line != Line::Code2 {
            self.buy_again("buy again after release").await?;
        }
        if line == Line::License1 {
            self.change("expire after release", Change::Expire).await?;
        } else {
            self.change("freeze after release", Change::Freeze).await?;
            self.change("unfreeze after release", Change::Thaw).await?;
        }
        let order = self.next_order('R');
        let expires = self.next_expiry();
        let call = self.renewal_call(&order, expires);
        let expect = Expectation::codes(&[UNKNOWN_INSTANCE]);
        // A 2.0 code that nobody has redeemed is only noted down, so there a success is as good.
        let expect = if line == Line::Code2 { expect.or_codes(&[SUCCESS]) } else { expect };
        self.deliver("renew after release", &call, &expect).await;
        Ok(())
    }
}
