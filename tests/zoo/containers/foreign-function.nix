# What a function makes that nobody here can read
# refused built-by-unknown-function
# with { _module.args.mkApp = image: { inherit image; ports = [ "80:80" ]; }; }
{ mkApp, ... }:
{
  virtualisation.oci-containers.containers.linkding = mkApp "docker.io/sissbruecker/linkding:1.36.0";
}
