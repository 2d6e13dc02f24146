for(const one of document.querySelectorAll("[data-scripted]"))one.hidden=false;
for(const one of document.querySelectorAll("[data-unscripted]"))one.hidden=true;
const add=(to,tag,text)=>{const made=document.createElement(tag);made.textContent=text;to.append(made)};
const decoded=part=>JSON.stringify(JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part.replace(/-/g,"+").replace(/_/g,"/")),c=>c.charCodeAt(0)))),null,2);
const show=(to,status,body)=>{
to.hidden=false;to.replaceChildren();
add(to,"h3","HTTP "+status);
add(to,"pre",body?JSON.stringify(body,null,2):"");
for(const [name,value] of Object.entries(body||{})){
if(typeof value!="string"||!/^eyJ[\w-]+\.eyJ[\w-]+\./.test(value))continue;
add(to,"h3",name);
const [header,claims]=value.split(".");
add(to,"pre",decoded(header));add(to,"pre",decoded(claims))}};
const pass=(name,value)=>{for(const field of document.querySelectorAll(`[name=${name}]`))if(value&&!field.closest("[data-sent]"))field.value=value};
for(const form of document.querySelectorAll("[data-request]"))form.onsubmit=async event=>{
event.preventDefault();
const headers={},answer=form.querySelector("[data-answer]");
if(form.dataset.request=="client_secret_basic"){
const pair=[form.querySelector("[data-client]").value,form.querySelector("[type=password]").value];
headers.Authorization="Basic "+btoa(pair.map(encodeURIComponent).join(":"))}
try{
const response=await fetch(form.action,{method:"POST",headers,body:new URLSearchParams(new FormData(form)),credentials:"omit"});
const body=await response.json().catch(()=>null);
show(answer,response.status,body);
if(body){pass("refresh_token",body.refresh_token);pass("token",body.access_token)}
const secret=form.querySelector("[type=password]");
if(response.ok&&secret)for(const other of document.querySelectorAll("[type=password]"))other.value=secret.value
}catch(problem){show(answer,"–",{error:String(problem)})}}
