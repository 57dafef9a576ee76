/** The third file, as the second: what pages need that hold frames, pictures and other boxes until they are allowed. */
export { createBoxes } from "./boxes.js";
