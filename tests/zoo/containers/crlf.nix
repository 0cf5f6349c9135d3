# Lines that end with CR and LF
{ ... }:
{
  virtualisation.oci-containers.containers.freshrss = {
    image = "lscr.io/linuxserver/freshrss:1.24.3";
    # the reader
    ports = [ "8090:80" ];
    environment = {
      PUID = "1000";
      PGID = "1000";
    };
  };
}
