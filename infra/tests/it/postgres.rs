//! How the cluster of the embedded server is made.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use infra::postgres::{Cluster, Programs};
use infra::process::{Account, open_folder};
use infra::secrets::random_text;

#[tokio::test]
async fn a_link_planted_for_the_password_is_not_written_through() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).expect("its mode");
    let data = folder.path().join("postgres");
    let cluster = Cluster {
        programs: Programs::find(None).await.expect("PostgreSQL is installed"),
        account: Account::unprivileged(&data).await.expect("an account"),
        data,
        sockets: folder.path().join("run"),
    };
    fs::create_dir(&cluster.sockets).expect("a folder");
    if let Some(account) = &cluster.account {
        account.own(&open_folder(&cluster.sockets).expect("a folder")).expect("given");
    }
    let victim = folder.path().join("victim");
    fs::write(&victim, "precious").expect("a file");
    let owner = fs::metadata(&victim).expect("the file").uid();
    symlink(&victim, cluster.sockets.join("password")).expect("a link");

    let error = cluster.create(&random_text().expect("a password")).await.expect_err("it is in the way");
    assert!(format!("{error:#}").contains("run/password"), "{error:#}");
    assert_eq!(fs::read_to_string(&victim).expect("the file"), "precious");
    assert_eq!(fs::metadata(&victim).expect("the file").uid(), owner);
}
