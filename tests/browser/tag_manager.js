/**
 * What Tag Manager gives a custom template's sandboxed code, as far as ours asks for it: no globals, copies of values,
 * and only what the template's permissions name. Results are in `window.tagManager`.
 */
window.tagManager = { told: [], used: [], ended: "" };

window.runTemplate = (code, permissions, data) => {
  const { told, used } = window.tagManager;
  const copy = (value) => {
    if (typeof value === "function") return (...args) => copy(value(...args.map(copy)));
    if (Array.isArray(value)) return value.map(copy);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.keys(value).map((key) => [key, copy(value[key])]));
    }
    return value;
  };
  const need = (id, isAllowed) => {
    if (!permissions[id] || !isAllowed(permissions[id])) throw new Error(`no permission: ${id}`);
    if (!used.includes(id)) used.push(id);
  };
  const at = (path) => path.split(".").reduce((owner, name) => owner?.[name], window);
  const matches = (pattern, address) =>
    pattern.endsWith("*") ? address.startsWith(pattern.slice(0, -1)) : address === pattern;
  const TYPES = /_(storage|data|personalization)$/;
  const consentTypes = (states) => {
    const asked = Object.keys(states).filter((key) => TYPES.test(key));
    need("access_consent", (types) => asked.every((key) => types[key]?.write));
  };

  const apis = {
    encodeUriComponent: encodeURIComponent,
    makeInteger: (value) => parseInt(value, 10) || 0,
    copyFromWindow(path) {
      need("access_globals", (keys) => keys[path]?.read);
      return copy(at(path));
    },
    callInWindow(path, ...args) {
      need("access_globals", (keys) => keys[path]?.execute);
      return copy(at(path)(...args.map(copy)));
    },
    gtagSet(values) {
      need("write_data_layer", (patterns) => Object.keys(values).every((key) => patterns.includes(key)));
      told.push(["set", copy(values)]);
    },
    setDefaultConsentState(states) {
      consentTypes(states);
      told.push(["default", copy(states)]);
    },
    updateConsentState(states) {
      consentTypes(states);
      told.push(["update", copy(states)]);
    },
    injectScript(address, onSuccess, onFailure) {
      need("inject_script", (patterns) => patterns.some((pattern) => matches(pattern, address)));
      const script = Object.assign(document.createElement("script"), { async: true, src: address });
      script.onload = () => onSuccess();
      script.onerror = () => onFailure();
      document.head.append(script);
    },
  };
  const known = {
    require: (name) => apis[name],
    data: {
      ...data,
      gtmOnSuccess: () => void (window.tagManager.ended = "success"),
      gtmOnFailure: () => void (window.tagManager.ended = "failure"),
    },
  };
  const sandbox = new Proxy(known, {
    has: () => true,
    get(target, name) {
      if (name === Symbol.unscopables) return undefined;
      if (!Object.hasOwn(target, name)) throw new ReferenceError(`${String(name)} is not there in the sandbox`);
      return target[name];
    },
  });
  new Function("sandbox", `with (sandbox) { (() => { "use strict"; ${code} })() }`)(sandbox);
};
