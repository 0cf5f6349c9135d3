# A oneshot with startAt, and a program with its arguments instead of a script
{ pkgs, ... }:
{
  systemd.services.certificate-health = {
    description = "The certificate is good for another week";
    startAt = "daily";
    path = [ pkgs.openssl ];
    serviceConfig.Type = "oneshot";
    script = ''
      openssl x509 -checkend 604800 -noout -in /var/lib/acme/example.org/cert.pem
    '';
  };
}
