//! The counters of one license while a transaction that holds the license counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    base::{decimal::Decimal, ids::LicenseId, time::Time},
    license::{
        meter::{Meter, MeterPeriod, Period, Reading},
        plan::Plan,
    },
    store::{PeriodRecord, StoreError, Tx, UsageRecord},
    usecase::{Context, Done},
};

use super::TOTAL_MAX;

/// Totals and periods as they were read, and what was added since.
#[derive(Debug)]
pub struct Ledger {
    license: LicenseId,
    now: Time,
    totals: BTreeMap<String, i64>,
    periods: BTreeMap<String, Period>,
    /// What was added to totals.
    added: BTreeMap<String, i64>,
    /// Meters whose period changed.
    touched: BTreeSet<String>,
}

impl Ledger {
    /// Reads the counters of a license.
    ///
    /// # Errors
    /// The database's.
    pub fn open(tx: &mut Tx, ctx: Context, license: LicenseId) -> Done<Self> {
        let totals = tx.usage_list(license)?.into_iter().map(|it| (it.meter, it.total)).collect();
        let period = |it: PeriodRecord| {
            let rule = it.rule.as_deref().and_then(MeterPeriod::named);
            (it.meter, Period { start: it.period_start, used: Decimal(it.used), rule })
        };
        let periods = tx.period_list(license)?.into_iter().map(period).collect();
        let (added, touched) = (BTreeMap::new(), BTreeSet::new());
        Ok(Self { license, now: ctx.now, totals, periods, added, touched })
    }

    /// Whether something was ever counted by this name.
    pub fn knows(&self, meter: &str) -> bool {
        self.totals.contains_key(meter)
    }

    /// How many names something was counted by.
    pub fn counters(&self) -> usize {
        self.totals.len()
    }

    /// What was used of `meter` in its period.
    pub fn reading(&self, meter: &Meter) -> Reading {
        let name = meter.slug.as_str();
        let (used, resets_at) = match meter.period {
            MeterPeriod::Never => (Decimal(self.total(name)), None),
            MeterPeriod::Day | MeterPeriod::Month | MeterPeriod::Term => {
                let period = self.period(meter);
                (period.used, meter.period_end(period.start))
            }
        };
        Reading { meter: meter.clone(), used, resets_at }
    }

    /// What was used of each meter of `plan`.
    pub fn readings(&self, plan: &Plan) -> Vec<Reading> {
        plan.meters.iter().map(|meter| self.reading(meter)).collect()
    }

    /// Adds `amount` ten-thousandths to the total, and to the period of the plan's meter where the plan has it. A negative
    /// amount takes back from both; what it takes back may lie before the period, of which no more goes than is there.
    /// `false`, and nothing is added, when the total would pass [`TOTAL_MAX`] or fall below nothing.
    pub fn count(&mut self, name: &str, planned: Option<&Meter>, amount: i64) -> bool {
        let total = self.total(name).saturating_add(amount);
        if !(0..=TOTAL_MAX).contains(&total) {
            return false;
        }
        self.totals.insert(name.to_owned(), total);
        *self.added.entry(name.to_owned()).or_default() += amount;
        if let Some(meter) = planned.filter(|meter| meter.period != MeterPeriod::Never) {
            let period = self.period(meter);
            // No more than the total, which was counted with it.
            let used = Decimal(period.used.0.saturating_add(amount).max(0));
            self.periods.insert(name.to_owned(), Period { used, ..period });
            self.touched.insert(name.to_owned());
        }
        true
    }

    /// Writes what was added.
    ///
    /// # Errors
    /// The database's.
    pub fn save(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let (license_id, counted_at) = (self.license, self.now);
        for (meter, added) in &self.added {
            tx.usage_add(&UsageRecord { license_id, meter: meter.clone(), total: *added, counted_at })?;
        }
        for meter in &self.touched {
            if let Some(Period { start, used, rule }) = self.periods.get(meter).copied() {
                let rule = rule.map(|rule| rule.as_str().to_owned());
                let record = PeriodRecord { license_id, meter: meter.clone(), period_start: start, used: used.0, rule };
                tx.period_save(&record)?;
            }
        }
        Ok(())
    }

    fn total(&self, name: &str) -> i64 {
        self.totals.get(name).copied().unwrap_or(0)
    }

    fn period(&self, meter: &Meter) -> Period {
        meter.period_at(self.periods.get(meter.slug.as_str()).copied(), self.now)
    }
}
