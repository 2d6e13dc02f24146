for(const button of document.querySelectorAll("[data-copy]")){
button.hidden=!navigator.clipboard;
button.onclick=async()=>{
await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
(button.children[1]||button).textContent=button.dataset.done}}
