const sent=new WeakSet;
addEventListener("submit",event=>{
if(sent.has(event.target))event.preventDefault();
sent.add(event.target)});
addEventListener("pageshow",event=>event.persisted&&location.reload())
