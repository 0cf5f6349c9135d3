# Limits: none, some, all; with and without no-new-privileges, in several spellings
{ ... }:
{
  virtualisation.oci-containers.containers = {
    lim-none.image = "docker.io/library/alpine:3.21";
    lim-memory = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [ "--memory=6g" ];
    };
    lim-short = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [ "-m" "512m" "--cpus" "1.5" ];
    };
    lim-all = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [
        "--security-opt=no-new-privileges:true"
        "--memory=256m"
        "--memory-swap=256m"
        "--cpus=2"
        "--pids-limit=64"
      ];
    };
    lim-unlimited = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [ "--memory-swap=-1" "--memory=1g" "--pids-limit=-1" "--cpuset-cpus=0,1" ];
    };
    lim-privileges = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [ "--security-opt" "no-new-privileges" "--security-opt=label=disable" "--cap-drop=ALL" ];
    };
    lim-reservation = {
      image = "docker.io/library/alpine:3.21";
      extraOptions = [ "--memory-reservation=128m" "--memory=0.5g" "--ulimit=nofile=1024:2048" "--oom-score-adj=500" ];
    };
  };
}
