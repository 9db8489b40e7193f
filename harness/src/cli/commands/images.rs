//! `images`: provides the images that a described system's compose file names.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use crate::cli::allowed::Allowed;
use crate::cli::output::{fail, say};
use crate::cli::progress::Shown;
use crate::cluster::{ClusterError, Engine, Origin, SystemImage, provide_images};

/// Options of `images`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct Args {
    /// Folder of the system's description, with its `images.toml`.
    folder: PathBuf,
    #[command(flatten)]
    allowed: Allowed,
}

pub(in crate::cli) async fn images(args: &Args) -> u8 {
    let shown = Shown::new();
    let provided = try_images(args, &shown).await;
    shown.done();
    match provided {
        Ok(images) => {
            if images.is_empty() {
                say(&format!(
                    "{} names no images",
                    args.folder.join("images.toml").display()
                ));
            }
            for image in &images {
                say(&line(image));
            }
            0
        }
        Err(e) => fail(&e.to_string()),
    }
}

async fn try_images(args: &Args, shown: &Shown) -> Result<Vec<SystemImage>, ClusterError> {
    let engine = Engine::connect(&args.allowed.hosts()).await?;
    provide_images(&engine, &args.folder, shown).await
}

fn line(image: &SystemImage) -> String {
    let origin = match image.origin {
        Origin::Present => "present",
        Origin::Pulled => "pulled",
        Origin::Built => "built",
    };
    let stand_in = if image.is_stand_in {
        ", a stand-in: not the registry's image"
    } else {
        ""
    };
    format!("{} {origin}{stand_in}", image.reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stand_in_is_named_as_one() {
        let image = |origin, is_stand_in| SystemImage {
            reference: "redis:7".into(),
            origin,
            is_stand_in,
        };
        assert_eq!(line(&image(Origin::Pulled, false)), "redis:7 pulled");
        assert_eq!(
            line(&image(Origin::Present, true)),
            "redis:7 present, a stand-in: not the registry's image"
        );
    }
}
