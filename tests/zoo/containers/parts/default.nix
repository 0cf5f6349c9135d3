# A file that is called for each container
# with { }
# with { zoo.feeds.token = "b"; }
{ config, lib, ... }:
let
  container = args: import ./container.nix ({ inherit lib; } // args);
in
{
  options.zoo.feeds.token = lib.mkOption { type = lib.types.str; default = "a"; };

  config = lib.mkMerge [
    (container { name = "rsshub"; tag = "2024-12-01"; port = 1200; })
    (container { name = "rssbridge"; tag = "2024-02-02"; port = 1201; environment.TOKEN = config.zoo.feeds.token; })
  ];
}
