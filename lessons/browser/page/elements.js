// The few kinds of elements that the page makes.

export function pre(text, name = "") {
  const element = document.createElement("pre");
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

export function html(source, name = "") {
  const element = document.createElement("div");
  if (name) element.className = name;
  element.innerHTML = source; // what Python on this page has made; a script in it does not run
  for (const empty of element.querySelectorAll("th[scope=col]:empty")) empty.replaceWith(document.createElement("td"));
  return element;
}

export function button(words, press) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = words;
  element.addEventListener("click", press);
  return element;
}

export function paragraph(name, ...content) {
  const element = document.createElement("p");
  element.className = name;
  element.append(...content);
  return element;
}
