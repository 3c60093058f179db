//! What was used: totals, periods, and the reports that were counted.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Tx,
    conn::each,
    error::StoreError,
    schema::{usage_counters, usage_periods, usage_report_days, usage_reports},
};
use crate::base::{
    ids::{ActivationId, LicenseId},
    time::Time,
};

/// One counter of a license.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_counters, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct UsageRecord {
    /// The license.
    pub license_id: LicenseId,
    /// What is counted.
    pub meter: String,
    /// Total so far, in ten-thousandths.
    pub total: i64,
    /// When it was last counted.
    pub counted_at: Time,
}

/// What was used in a meter's period.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = usage_periods, primary_key(license_id, meter))]
#[diesel(check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct PeriodRecord {
    /// The license.
    pub license_id: LicenseId,
    /// What is counted.
    pub meter: String,
    /// When the period began.
    pub period_start: Time,
    /// What was used since, in ten-thousandths.
    pub used: i64,
    /// The name of the rule by which it began; `None`: not written down.
    pub rule: Option<String>,
}

/// A report of usage that was counted.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_reports, check_for_backend(diesel::pg::Pg, diesel::sqlite::Sqlite))]
pub struct ReportRecord {
    /// The license.
    pub license_id: LicenseId,
    /// The id that the software gave it.
    pub report_id: String,
    /// What was counted.
    pub meter: String,
    /// How much, in ten-thousandths.
    pub amount: i64,
    /// When.
    pub counted_at: Time,
    /// The machine that reported it.
    pub activation_id: ActivationId,
}

impl Tx {
    /// The counters of a license, by their names.
    pub fn usage_list(&mut self, license: LicenseId) -> Result<Vec<UsageRecord>, StoreError> {
        each!(self, c => usage_counters::table
            .filter(usage_counters::license_id.eq(license))
            .order(usage_counters::meter)
            .select(UsageRecord::as_select())
            .load(c))
    }

    /// Adds to a counter, which starts at nothing.
    pub fn usage_add(&mut self, added: &UsageRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(usage_counters::table)
            .values(added.clone())
            .on_conflict((usage_counters::license_id, usage_counters::meter))
            .do_update()
            .set((
                usage_counters::total.eq(usage_counters::total + added.total),
                usage_counters::counted_at.eq(added.counted_at),
            ))
            .execute(c))?;
        Ok(())
    }
    /// The stored periods of a license, by their meters.
    pub fn period_list(&mut self, license: LicenseId) -> Result<Vec<PeriodRecord>, StoreError> {
        each!(self, c => usage_periods::table
            .filter(usage_periods::license_id.eq(license))
            .order(usage_periods::meter)
            .select(PeriodRecord::as_select())
            .load(c))
    }

    /// Writes a meter's period in the place of the one before.
    pub fn period_save(&mut self, period: &PeriodRecord) -> Result<(), StoreError> {
        each!(self, c => diesel::insert_into(usage_periods::table)
            .values(period.clone())
            .on_conflict((usage_periods::license_id, usage_periods::meter))
            .do_update()
            .set(period.clone())
            .execute(c))?;
        Ok(())
    }

    /// Forgets a meter's period; there may be none.
    pub fn period_forget(&mut self, license: LicenseId, meter: &str) -> Result<(), StoreError> {
        each!(self, c => diesel::delete(usage_periods::table.find((license, meter))).execute(c))?;
        Ok(())
    }

    /// Those of the reports with these ids that a license has.
    pub fn reports_find(&mut self, license: LicenseId, ids: &[&str]) -> Result<Vec<ReportRecord>, StoreError> {
        each!(self, c => usage_reports::table
            .filter(usage_reports::license_id.eq(license))
            .filter(usage_reports::report_id.eq_any(ids))
            .select(ReportRecord::as_select())
            .load(c))
    }

    /// Adds reports; there may be none.
    pub fn reports_insert(&mut self, reports: &[ReportRecord]) -> Result<(), StoreError> {
        if !reports.is_empty() {
            each!(self, c => diesel::insert_into(usage_reports::table).values(reports.to_vec()).execute(c))?;
        }
        Ok(())
    }

    /// The last day, counted from the beginning of 1970 in UTC, on which a license sent new reports, and how many.
    pub fn report_day(&mut self, license: LicenseId) -> Result<Option<(i64, i64)>, StoreError> {
        each!(self, c => usage_report_days::table
            .find(license)
            .select((usage_report_days::day, usage_report_days::reports))
            .first(c)
            .optional())
    }

    /// Writes how many new reports a license sent on a day, in the place of the day before.
    pub fn report_day_save(&mut self, license: LicenseId, day: i64, reports: i64) -> Result<(), StoreError> {
        let values = (
            usage_report_days::license_id.eq(license),
            usage_report_days::day.eq(day),
            usage_report_days::reports.eq(reports),
        );
        each!(self, c => diesel::insert_into(usage_report_days::table)
            .values(values)
            .on_conflict(usage_report_days::license_id)
            .do_update()
            .set((usage_report_days::day.eq(day), usage_report_days::reports.eq(reports)))
            .execute(c))?;
        Ok(())
    }

    /// Forgets at most `limit` reports that were counted before `before`; how many were forgotten.
    pub fn reports_purge(&mut self, before: Time, limit: u32) -> Result<usize, StoreError> {
        let old: Vec<(LicenseId, String)> = each!(self, c => usage_reports::table
            .filter(usage_reports::counted_at.lt(before))
            .order(usage_reports::counted_at)
            .limit(super::purge_rows(limit))
            .select((usage_reports::license_id, usage_reports::report_id))
            .load(c))?;
        let mut by_license: BTreeMap<LicenseId, Vec<String>> = BTreeMap::new();
        for (license, id) in old {
            by_license.entry(license).or_default().push(id);
        }
        let mut gone = 0;
        for (license, ids) in by_license {
            gone += each!(self, c => diesel::delete(usage_reports::table
                .filter(usage_reports::license_id.eq(license))
                .filter(usage_reports::report_id.eq_any(&ids)))
                .execute(c))?;
        }
        Ok(gone)
    }
}
