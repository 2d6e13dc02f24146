const all=(what,to=document)=>[...to.querySelectorAll(what)];
for(const one of all("[data-scripted]"))one.hidden=false;
for(const one of all("[data-unscripted]"))one.hidden=true;
const labels=document.getElementById("claims");
const add=(to,tag,text="",kind="")=>{const made=document.createElement(tag);made.textContent=text;made.className=kind;to.append(made);return made};
const decoded=part=>JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part.replace(/-/g,"+").replace(/_/g,"/")),c=>c.charCodeAt(0))));
const inWords=(to,name,token)=>{
const [header,claims]=token.split(".").slice(0,2).map(decoded),one=add(to,"section","","panel");
add(one,"h3",labels.dataset[name]||name);
const list=add(one,"dl","","tight");
for(const [claim,value] of Object.entries({...header,...claims})){
add(add(list,"dt"),"code",claim);
const said=add(list,"dd"),means=all("dt",labels).find(term=>term.textContent==claim);
add(said,"code",typeof value=="string"?value:JSON.stringify(value));
if(/^(exp|iat|nbf|auth_time)$/.test(claim))said.append(" "+new Date(value*1e3).toLocaleString(document.documentElement.lang));
if(means)add(said,"p",means.nextElementSibling.textContent,"hint")}};
const take=(answer,to)=>{
const beside=add(to,"div","","beside");
for(const [name,value] of Object.entries(answer||{})){
if(typeof value!="string")continue;
if(/^eyJ[\w-]+\.eyJ[\w-]+\./.test(value))inWords(beside,name,value);
for(const field of all("[data-takes]"))if(field.dataset.takes==name)field.value=value}};
for(const form of all("[data-request]"))form.onsubmit=async event=>{
event.preventDefault();
const {request,client}=form.dataset,headers={},sent={headers,credentials:"omit"},secret=form.querySelector("[type=password]");
if(request=="bearer")headers.Authorization="Bearer "+form.querySelector("[data-takes]").value;
else{sent.method="POST";sent.body=new URLSearchParams(new FormData(form))}
if(request=="client_secret_basic")headers.Authorization="Basic "+btoa([client,secret.value].map(encodeURIComponent).join(":"));
const answer=form.querySelector("[data-answer]"),status=form.querySelector("[role=status]");
answer.replaceChildren();
status.textContent="";
try{
const response=await fetch(form.action,sent),body=await response.json().catch(()=>null);
status.textContent="HTTP "+response.status;
if(body)add(answer,"pre",JSON.stringify(body,null,2));
if(response.ok)take(body,answer);
if(response.ok&&secret)for(const other of all("[type=password]"))other.value=secret.value
}catch(problem){status.textContent=problem}};
const came=new URLSearchParams(location.hash.slice(1)),page=document.getElementById("fragment");
if(came.has("state")&&came.get("state")!=new URLSearchParams(location.search).get("state"))
location.replace("?"+new URLSearchParams({state:came.get("state")})+location.hash);
else if(page){
history.replaceState(null,"",location.pathname+location.search);
for(const row of all("[data-of]",page)){
const value=came.get(row.dataset.of);
row.hidden=row.previousElementSibling.hidden=!value;
row.firstChild.textContent=value}
take(Object.fromEntries(came),page.querySelector("[data-answer]"))}
