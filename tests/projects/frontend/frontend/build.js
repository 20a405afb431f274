// Minifies the style sheets of src/ and copies the images, into dist/.
const fs = require("node:fs");
const path = require("node:path");
const CleanCSS = require("clean-css");

const from = path.join(__dirname, "src");
const to = path.join(__dirname, "dist");

fs.rmSync(to, { recursive: true, force: true });
fs.cpSync(from, to, { recursive: true });
for (const name of fs.readdirSync(path.join(to, "css"))) {
  const file = path.join(to, "css", name);
  const { styles, errors } = new CleanCSS().minify(fs.readFileSync(file, "utf8"));
  if (errors.length) throw new Error(errors.join("\n"));
  fs.writeFileSync(file, styles);
}
