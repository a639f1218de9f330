// JavaScript as a minifier leaves it that renames functions too: written for the tests, with the shapes that the
// library of emcc has. tests/emscripten/glue.rs says what each import is.
var M=(function(){"use strict";
var o={},g,v,u,T,X=0,Y=0,Z=!1,q=[],h=[],timers={},k,s,l,r,w,j;
function E(a){this.name="ErrnoError";this.n=a}
function err(a){a=`Aborted(${a})`;throw new WebAssembly.RuntimeError(a+". More with assertions.")}
var str=a=>a?new TextDecoder().decode(v.subarray(a,v.indexOf(0,a))):"";
var stream=a=>{var b=q[a];if(!b)throw new E(8);return b};
function seek(a,b,c){if(!a.seekable)throw new E(70);a.position=c==0?b:c==1?a.position+b:a.node.size+b;return a.position}
function put(a,b,c,d,e){if(a.flags&1024)seek(a,0,2);return a.ops.write(a,b,c,d,e)}
function take(a,b,c,d,e){return a.ops.read(a,b,c,d,e)}
function shut(a){a.ops.close&&a.ops.close(a);q[a.fd]=null}
function look(a,b){for(var c=0;c<40;c++){if(!a)throw new E(44)}return{path:a,node:o[a],follow:b}}
function st(a,b){var c=look(a,!b).node;return{dev:1,ino:c.id,mode:c.mode,size:c.size,atime:c.t,mtime:c.t,ctime:c.t}}
function out(a,b){u[a>>2]=b.dev;u[a+4>>2]=b.mode;u[a+16>>2]=Math.floor(b.atime/1e3);u[a+20>>2]=b.ctime;return 0}
function rm(a){var b=look(a).node;if(!b.ops.unlink)throw new E(63);b.ops.unlink(b,a)}
function rd(a){var b=look(a).node;if(b.busy)throw new E(10);b.ops.rmdir(b,a)}
function mk(a,b){b=b===void 0?511:b;b&=1023;b|=16384;o[a]={mode:b,id:X++}}
function mode(a,b){a.mode=b&4095|a.mode&-4096;a.ctime=Date.now()}
function ch(a,b){mode(look(a).node,b)}
function op(a,b,c){if(b&131072)throw new E(32);var d={fd:q.length,flags:b,node:look(a).node};q.push(d);return d}
var wh=()=>{if(!wh.all){var a={USER:"web_user",HOME:"/home/web_user"},b=[];for(var c in a)b.push(`${c}=${a[c]}`);wh.all=b}return wh.all};
var lv=a=>{Y=a;Z||(o.onExit?.(a),Z=!0);throw new Bye(a)};
class Bye{name="ExitStatus";constructor(a){this.message=`Program terminated with exit(${a})`;this.status=a}}
var ag=(a,b)=>{Y=a;lv(a)};
class Info{constructor(a){this.p=a-24}}
var find=a=>{var b=h[0];if(!b)return 0;var c=new Info(b);for(var d of a){if(d===0||d===c.p+16)return T.d(d)}return b};
var J={
b:(a,b,c,d)=>{err(`Assertion failed: ${str(a)}, at: `+[b?str(b):"unknown",c,d?str(d):"unknown"])},
c:()=>err(""),
d:function(a,b,c,d){try{var e=stream(a),f=0;for(var i=0;i<c;i++,b+=8)f+=put(e,v,u[b>>2],u[b+4>>2]);u[d>>2]=f;return 0}catch(x){if(x.name!=="ErrnoError")throw x;return x.n}},
e:function(a,b,c,d){try{var e=stream(a),f=0;for(var i=0;i<c;i++,b+=8)f+=take(e,v,u[b>>2],u[b+4>>2]);u[d>>2]=f;return 0}catch(x){if(x.name!=="ErrnoError")throw x;return x.n}},
f:function(a,b,c,d){try{var e=stream(a);seek(e,Number(b),c);u[d>>2]=e.position;return 0}catch(x){if(x.name!=="ErrnoError")throw x;return x.n}},
g:function(a){try{shut(stream(a));return 0}catch(x){if(x.name!=="ErrnoError")throw x;return x.n}},
h:function(a,b){try{return out(b,st(str(a)))}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
i:function(a,b){try{return out(b,st(str(a),!0))}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
j:function(a,b){try{return out(b,st(stream(a).path))}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
k:function(a){try{return a=str(a),rm(a),0}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
l:function(a){try{return a=str(a),rd(a),0}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
m:function(a,b,c){try{return b=str(b),mk(b,c),0}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
n:function(a,b){try{return a=str(a),ch(a,b),0}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
o:function(a,b){try{if(!b)return-28;var c=o.cwd.length+1;if(b<c)return-68;v.set(c,a);return c}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
p:function(a,b,c,d){try{b=str(b);return op(b,c,d).fd}catch(x){if(x.name!=="ErrnoError")throw x;return-x.n}},
q:(a,b)=>{var c=0,d=0;for(var e of wh()){u[a+d>>2]=b+c;c+=e.length;d+=4}return 0},
r:(a,b)=>{var c=wh();u[a>>2]=c.length;var d=0;for(var e of c)d+=e.length+1;u[b>>2]=d;return 0},
s:a=>{var b=v.length;for(var c=1;c<=4;c*=2){var d=Math.min(2147483648,65536*Math.ceil(a/65536));try{g.grow((d-b)/65536);return!0}catch(x){}}return!1},
t:()=>performance.now(),
u:()=>Date.now(),
v:lv,
w:ag,
x:()=>{Z=!1;X=0},
y:()=>2147483648,
z:a=>a,
A:(a,b)=>find([a,b]),
B:()=>find([]),
C:(a,b,c)=>{var d=new Info(a);d.t=b;k=a;X++;throw k},
D:a=>{k||(k=a);throw k},
F:()=>X,
G:()=>{throw Infinity},
H:(a,b,c)=>v.copyWithin(a,b,b+c),
I:function(a,b){var c=s();try{T.get(a)(b)}catch(x){l(c);if(x!==x+0)throw x;r(1,0)}},
K:function(a,b,c){var d=s();try{return T.get(a)(b,c)}catch(x){l(d);if(x!==x+0)throw x;r(1,0)}},
L:function(a,b){var c=s();try{return w(a,b)}catch(x){l(c);if(x!==x+0)throw x;r(1,0)}},
M:a=>{o.callback(str(a))},
N:function(a,b){o.varargs=b;return 0},
O:function(){return 70},
a:g};
function start(a){a=j=a.exports;o._malloc=a.R;o._main=a.S;s=a.T;l=a.U;r=a.V;T=a.Q;w=o._dynCall_ji=a.W;return j}
start(new WebAssembly.Instance(new WebAssembly.Module(o.bytes),{a:J}));
g=new WebAssembly.Memory({initial:1});v=new Uint8Array(g.buffer);u=new Uint32Array(g.buffer);
j.P();o.stackAlloc=a=>r(a);
})();
