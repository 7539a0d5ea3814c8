//! Packages. The document speaks of them and has no operation for them: these two are Accord's.

use accord_core::accounts::account::NAME_MAX;
use accord_core::accounts::packages::{self, NewPackage, Package, parse_id};
use accord_core::store::Connection;
use accord_web::Result;
use accord_web::fields::Fields;
use axum::Json;
use http::StatusCode;
use serde::Serialize;

use crate::{Caller, openapi};

/// A package that was made.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PackageCreated {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Package successfully created")]
    message: &'static str,
    #[schema(value_type = openapi::PackageId)]
    package_id: String,
}

/// Makes a package for the accounts of the caller's account.
pub async fn create(caller: &Caller, mut fields: Fields<'_>) -> Result<Json<PackageCreated>> {
    let id = match fields.digits("id").map(parse_id).transpose() {
        Ok(id) => id,
        Err(fault) => {
            fields.refuse("id", fault);
            None
        }
    };
    let name = fields.required("name", NAME_MAX);
    let new = NewPackage { id, name, is_default: fields.flag("default").unwrap_or(false) };
    fields.finish()?;
    let id = packages::create(caller.author(), caller.administrator.account_id, &new).await?;
    Ok(Json(PackageCreated {
        status_code: StatusCode::OK.as_u16(),
        message: "Package successfully created",
        package_id: id.to_string(),
    }))
}

/// The packages that an account may get.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PackageList {
    #[schema(minimum = 200, maximum = 200, example = 200)]
    status_code: u16,
    #[schema(example = "Packages list successfully generated")]
    message: &'static str,
    packages: Vec<PackageRow>,
}

/// A package of a list.
#[derive(Serialize, utoipa::ToSchema)]
pub struct PackageRow {
    #[schema(value_type = openapi::PackageId)]
    package_id: String,
    #[schema(value_type = openapi::PackageName)]
    name: String,
    /// `"1"` for the one that accounts get which are made without one.
    #[schema(value_type = openapi::Flag)]
    default: &'static str,
}

impl From<Package> for PackageRow {
    fn from(package: Package) -> Self {
        Self {
            package_id: package.id.to_string(),
            name: package.name,
            default: if package.is_default { "1" } else { "0" },
        }
    }
}

/// Lists the packages of the caller's account and of those that own it.
pub async fn list(caller: &Caller, fields: Fields<'_>) -> Result<Json<PackageList>> {
    fields.finish()?;
    let known = packages::list(&Connection::lease().await?, caller.administrator.account_id)?;
    Ok(Json(PackageList {
        status_code: StatusCode::OK.as_u16(),
        message: "Packages list successfully generated",
        packages: known.into_iter().map(PackageRow::from).collect(),
    }))
}
