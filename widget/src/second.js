/**
 * The second file: code, styles and texts of the dialog, fetched when a visitor comes near to it. Its address and its
 * bytes are named by a digest, which the first file holds: whoever pins that one has pinned this, too.
 */
export { openDialog } from "./dialog.js";
export { noticeOf } from "./own.js";
