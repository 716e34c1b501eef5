// Before the first paint: the theme that was chosen. Not a module, so that nothing flashes.
(() => {
  try {
    const theme = localStorage.getItem("slipway-theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Without storage the system's theme holds.
  }
})();
