// Loads the page of a waiting request again once the citizen has answered. Without it, the link on the page does.

import { getJson, pageData } from "./page.js";

const EVERY = 3000;
const watch = pageData("watch");

async function look() {
  if (!document.hidden) {
    const { state } = await getJson(watch.state_url).catch(() => watch);
    if (state !== watch.state) location.reload();
  }
  setTimeout(look, EVERY);
}

if (watch) setTimeout(look, EVERY);
