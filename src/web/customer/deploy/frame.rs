//! What stands around every step: where one is, what travels along, and what the software needs.

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::{
    base::text::Language,
    provision::{plan::Cloud, recipe::Minimum},
    web::{
        html::{Words, page},
        problem::Problem,
    },
};

use super::{body::Body, fault::Fault, step::Step, typed::Typed, wizard::Desk, words};

#[derive(Template)]
#[template(path = "customer/deploy/wizard.html")]
struct WizardPage<'a> {
    t: Words,
    product: &'a str,
    form_token: &'a str,
    /// Every step: its label, and -1, 0 or 1: done, here, to come.
    steps: Vec<(&'static str, i8)>,
    number: usize,
    step: Step,
    carried: Vec<(&'a str, &'a str)>,
    typed: &'a Typed,
    fault: Option<&'a Fault>,
    body: &'a Body,
    least: Minimum,
    simulated: bool,
}

impl WizardPage<'_> {
    fn field(&self) -> &'static str {
        self.fault.map_or("", |it| it.field)
    }

    fn needs(&self) -> String {
        let (vcpus, memory, disk) = (self.least.vcpus, words::memory(self.least.memory_mib), self.least.disk_gib);
        match self.t.0 {
            Language::Zh => format!("{vcpus} 个 vCPU、{memory} 内存和 {disk} GiB 磁盘"),
            Language::En => format!("{vcpus} vCPU, {memory} of memory and a disk of {disk} GiB"),
        }
    }

    /// How somebody logs in: as was chosen, or what opens most servers of that cloud.
    fn login(&self) -> &str {
        let has_keys = matches!(self.body, Body::Access { keys, .. } if !keys.is_empty());
        match self.typed.get("login") {
            "" if has_keys && self.typed.cloud() == Some(Cloud::Ec2) => "key_pair",
            "" => "password",
            chosen => chosen,
        }
    }
}

impl Desk {
    /// The page of a step.
    ///
    /// # Errors
    /// When it cannot be rendered.
    pub(super) fn render(
        &self,
        step: Step,
        typed: &Typed,
        fault: Option<&Fault>,
        body: &Body,
    ) -> Result<Response, Problem> {
        let steps = self.steps(typed);
        let place = |it: &Step| match it.cmp(&step) {
            std::cmp::Ordering::Less => -1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 1,
        };
        let template = WizardPage {
            t: self.t,
            product: &self.product,
            form_token: &self.session.form_token,
            number: steps.iter().position(|it| *it == step).unwrap_or(0) + 1,
            steps: steps.iter().map(|it| (it.label(self.t), place(it))).collect(),
            step,
            carried: typed.carried(step),
            typed,
            fault,
            body,
            least: self.recipe.minimum,
            simulated: step > Step::Where && typed.cloud() == Some(Cloud::Simulated),
        };
        let status = fault.map_or(StatusCode::OK, |it| it.status);
        let mut response = page(status, &template)?;
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        Ok(response)
    }
}
