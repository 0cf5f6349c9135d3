# One container, of which a host's file says more
# refused defined-in-several-files
{
  imports = [
    ./nextcloud.nix
    ./host.nix
  ];
}
