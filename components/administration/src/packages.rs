//! Packages. The document speaks of them and has no operation for them: these two are Accord's.

use accord_core::Result;
use accord_core::account::NAME_MAX;
use accord_core::fields::Fields;
use accord_core::provisioning;
use accord_core::store::Connection;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;

use crate::Caller;
use crate::answer;

/// A package that was made.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PackageCreated {
    #[cfg_attr(not(target_family = "wasm"), schema(example = 200))]
    status_code: u16,
    #[cfg_attr(not(target_family = "wasm"), schema(example = "Package successfully created"))]
    message: &'static str,
    #[cfg_attr(not(target_family = "wasm"), schema(example = "9"))]
    package_id: String,
}

/// Makes a package for the accounts of the caller's account.
pub async fn create(caller: &Caller, mut fields: Fields<'_>) -> Result<Response> {
    let name = fields.required("name", NAME_MAX);
    let is_default = fields.flag("default").unwrap_or(false);
    fields.finish()?;
    let id = provisioning::create_package(&caller.author, &caller.administrator, &name, is_default).await?;
    let created = PackageCreated {
        status_code: StatusCode::OK.as_u16(),
        message: "Package successfully created",
        package_id: id.to_string(),
    };
    Ok(answer::json(StatusCode::OK, &created))
}

/// The packages that an account may get.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PackageList {
    #[cfg_attr(not(target_family = "wasm"), schema(example = 200))]
    status_code: u16,
    #[cfg_attr(not(target_family = "wasm"), schema(example = "Packages list successfully generated"))]
    message: &'static str,
    packages: Vec<PackageRow>,
}

/// A package of a list.
#[derive(Serialize)]
#[cfg_attr(not(target_family = "wasm"), derive(utoipa::ToSchema))]
pub struct PackageRow {
    #[cfg_attr(not(target_family = "wasm"), schema(example = "9"))]
    package_id: String,
    #[cfg_attr(not(target_family = "wasm"), schema(example = "Gold"))]
    name: String,
    /// `"1"` for the one that accounts get which are made without one.
    #[cfg_attr(not(target_family = "wasm"), schema(example = "1"))]
    default: &'static str,
}

/// Lists the packages of the caller's account and of those that own it.
pub async fn list(caller: &Caller, fields: Fields<'_>) -> Result<Response> {
    fields.finish()?;
    let known = provisioning::packages(&Connection::lease().await?, &caller.administrator)?;
    let row = |package: provisioning::Package| PackageRow {
        package_id: package.id.to_string(),
        name: package.name,
        default: if package.is_default { "1" } else { "0" },
    };
    let packages = PackageList {
        status_code: StatusCode::OK.as_u16(),
        message: "Packages list successfully generated",
        packages: known.into_iter().map(row).collect(),
    };
    Ok(answer::json(StatusCode::OK, &packages))
}
