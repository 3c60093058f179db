//! Readers of what clouds answer: a proxy on the way, or an endpoint that a customer named, may answer anything.

use signet::provision::provider::{
    ec2::{self, xml::Element},
    huawei,
};

/// Answers of EC2-compatible clouds: a list, refusals of both shapes, and texts that are almost XML.
pub fn documents() -> Vec<Vec<u8>> {
    [
        "<DescribeVpcsResponse xmlns='urn:x'><requestId>r-1</requestId><vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16\
         </cidrBlock></item><item/></vpcSet></DescribeVpcsResponse>",
        "<?xml version=\"1.0\"?><Response><Errors><Error><Code>AuthFailure</Code><Message>a &amp; b &#x56FE;</Message></Error>\
         </Errors><RequestID>r-2</RequestID></Response>",
        "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message><![CDATA[x < y]]></Message></Error>\
         <RequestId>r-3</RequestId></ErrorResponse>",
        "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        "<!-- c --><a><b></a></b>",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// What is XML is a tree that is read to its end; what is a refusal means something.
pub fn ec2_xml(data: &[u8]) {
    let whole = Element::parse(data);
    let refusal = ec2::refusal::Refusal::parse(data);
    for status in [400, 401, 403, 429, 503] {
        for temporary in [false, true] {
            let _ = refusal.trouble(status, temporary);
        }
    }
    match whole {
        Ok(root) => _ = (root.content(), root.text("Errors/Error/Code"), root.find("Error")),
        Err(_) => assert_eq!(refusal, ec2::refusal::Refusal::default(), "what is no XML says nothing"),
    }
}

/// Refusals of Huawei Cloud's services, in all their shapes.
pub fn refusals() -> Vec<Vec<u8>> {
    [
        r#"{"error":{"code":"Ecs.0018","message":"sold out"}}"#,
        r#"{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information","request_id":"r-1"}"#,
        r#"{"itemNotFound":{"code":404,"message":"Instance could not be found."}}"#,
        r#"{"error":{"code":401,"title":"Unauthorized","message":"The request you have made requires authentication."}}"#,
        r#"{"errorCode":"x","errorMsg":"y","a":{"a":{"a":{"a":{"a":{"a":{"code":"deep","message":"z"}}}}}}}"#,
        "<html>502</html>",
        " busy \n",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

/// Every body means something, and a page of a proxy is never shown.
pub fn huawei_refusal(data: &[u8]) {
    let refusal = huawei::refusal::Refusal::parse(data);
    for status in [400, 401, 403, 404, 429, 503] {
        let _ = refusal.trouble(status);
    }
    if let Some(code) = &refusal.code {
        assert!(!code.is_empty());
    }
    let page = String::from_utf8_lossy(data).trim().starts_with('<');
    assert!(!page || refusal.message.is_none(), "a page is no message: {refusal:?}");
}
