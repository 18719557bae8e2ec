// For the first sight of a page, sections far below are not laid out (book.css). Then they are: the page has its
// height, and nothing moves under the pointer of a reader who has come to the end of it.
addEventListener("load", () => document.documentElement.setAttribute("data-whole", ""));
