/** Opens the developer panel where the address asks for it, on the origins that the policy names. Nobody else loads it. */
import { fetchFile } from "../files.js";

/** @type {import("../types.js").Part} */
export default (core) => {
  const { config, page: { guarded, parsed } } = core;
  const { origins, file } = config.debug || { origins: [], file: "" };
  if (!origins.includes(location.origin) || new URLSearchParams(location.search).get("cookiegate") !== "debug") return;
  fetchFile(core, file).then(
    ({ watch }) => {
      const show = watch(core);
      void parsed.then(guarded(show));
    },
    () => console.warn("cookiegate: the developer panel cannot be loaded"),
  );
};
