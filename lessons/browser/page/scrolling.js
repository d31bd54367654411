// What is wider than its place is scrolled sideways: with the arrow keys too, so it must be reachable with Tab.
const WIDE = ".scrolls, .output > div, .check > div, pre";

export function reachScrolling(main) {
  let planned = false;
  const look = () => {
    planned = false;
    for (const element of main.querySelectorAll(WIDE)) {
      if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
      else element.removeAttribute("tabindex");
    }
  };
  const plan = () => {
    if (!planned) requestAnimationFrame(look);
    planned = true;
  };
  new MutationObserver(plan).observe(main, { childList: true, subtree: true });
  new ResizeObserver(look).observe(main); // after the layout, before it is seen
}
