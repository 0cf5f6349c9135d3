# Every option of oci-containers that people use beside the common ones
# with { }
# with { zoo.registry.user = "robot"; }
{ config, lib, pkgs, ... }:
{
  options.zoo.registry.user = lib.mkOption {
    type = lib.types.nullOr lib.types.str;
    default = null;
  };

  config.virtualisation.oci-containers.containers = {
    all-options = {
      image = "registry.lan/team/all:7";
      pull = "newer";
      autoStart = false;
      cmd = [ "run" "--flag" "a b" ];
      entrypoint = "/bin/all";
      workdir = "/srv";
      hostname = "all.lan";
      user = "1000:1000";
      labels = {
        "io.containers.autoupdate" = "registry";
        "zoo.part" = "a=b,c";
      };
      capabilities = { NET_BIND_SERVICE = true; MKNOD = false; };
      devices = [ "/dev/fuse" ];
      log-driver = "k8s-file";
      login = lib.mkIf (config.zoo.registry.user != null) {
        registry = "registry.lan";
        username = config.zoo.registry.user;
        passwordFile = "/run/keys/registry";
      };
      podman = { user = "all"; sdnotify = "healthy"; };
      preRunExtraOptions = [ "--log-level=warn" ];
      autoRemoveOnStop = false;
      serviceName = "all-of-it";
    };
    from-file = {
      image = "localhost/built:dev";
      imageFile = pkgs.builtImage;
      pull = "never";
    };
    streamed = {
      image = "localhost/streamed:dev";
      imageStream = pkgs.streamedImage;
    };
  };
}
