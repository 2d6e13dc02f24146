addEventListener("DOMContentLoaded",()=>{
for(const button of document.querySelectorAll("[data-hide]")){
const field=document.getElementById(button.getAttribute("aria-controls")),word=button.firstChild,show=word.data;
const set=shown=>{
field.type=shown?"text":"password";
word.data=shown?button.dataset.hide:show};
button.hidden=false;
button.onclick=()=>{
const shown=field.type=="password";
set(shown);
button.nextElementSibling.textContent=shown?button.dataset.shown:button.dataset.hidden};
field.form.addEventListener("submit",()=>set(false))}})
