// deploy/bundles.py writes the script from npm's package, whose own declarations these are.
declare module "*/lottie_player.js" {
  import player from "lottie-web";
  export default player;
}
