// A wallet on this device led back here. The code behind # proves that it is this browser; it goes to the server once.

import { pageData, postJson, revealControls, showMessage } from "./page.js";

const back = pageData("back");
const code = new URLSearchParams(location.hash.slice(1)).get("response_code");

async function comeBack() {
  revealControls();
  if (!code) return showMessage("failed");
  showMessage("working", { moves: false });
  history.replaceState(null, "", location.pathname);
  try {
    const { url } = await postJson(back.url, { response_code: code }, back.csrf);
    location.replace(url);
  } catch {
    showMessage("failed");
  }
}

comeBack();
