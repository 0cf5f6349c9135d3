# The host's network in two elements, capabilities as flags, comments at every place where one can stand
{ ... }:
{
  # DNS for the house
  virtualisation.oci-containers.containers.pihole = {
    # Releases are announced on the blog, and break the schema now and then
    image = "pihole/pihole:2024.07.0"; # not 2025: another database

    /* Two lists: gravity and what we
       block ourselves */
    volumes = [
      "/var/lib/pihole/etc:/etc/pihole" # gravity
      # ours
      "/var/lib/pihole/dnsmasq:/etc/dnsmasq.d"
    ];

    extraOptions = [
      # It answers DHCP, too
      "--net"
      "host"
      "--cap-add=NET_ADMIN"
      "--cap-add=NET_RAW" # pings
      "--dns=127.0.0.1"
      "--dns=9.9.9.9"
    ];

    environment = {
      TZ = "Europe/Vienna"; # the log's times
      FTLCONF_webserver_port = "8053";
    };
  };
}
