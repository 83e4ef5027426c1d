"""Draws what `tmux capture-pane -e -p` printed as an SVG picture. Usage: picture.py capture.ansi console.svg.

`pictures` makes all of the README.
"""
import re, sys, html, unicodedata
BASE=["#1e1e24","#d16969","#7fb069","#d9b44a","#6a9fd8","#b58bd1","#5fb3b3","#d4d4d4","#6b6b76","#f08080","#a5d68b","#f2cf6b","#8cbcf0","#d3a8ee","#7fd1d1","#ffffff"]
def c256(n):
    if n<16: return BASE[n]
    if n<232:
        n-=16; f=lambda v:0 if v==0 else 55+40*v
        return "#%02x%02x%02x"%(f(n//36),f(n//6%6),f(n%6))
    v=8+10*(n-232); return "#%02x%02x%02x"%(v,v,v)
def cells(line,st):
    out=[];i=0
    while i<len(line):
        m=re.match(r"\x1b\[([0-9;:]*)m",line[i:])
        if m:
            p=[int(x or 0) for x in re.split("[;:]",m.group(1) or "0")];k=0
            while k<len(p):
                v=p[k]
                if v==0: st.update(fg=None,bg=None,b=False,d=False,r=False,u=False)
                elif v==1: st["b"]=True
                elif v==2: st["d"]=True
                elif v==4: st["u"]=True
                elif v==7: st["r"]=True
                elif v==22: st["b"]=st["d"]=False
                elif v==24: st["u"]=False
                elif v==27: st["r"]=False
                elif 30<=v<=37: st["fg"]=BASE[v-30]
                elif 90<=v<=97: st["fg"]=BASE[v-82]
                elif v==39: st["fg"]=None
                elif 40<=v<=47: st["bg"]=BASE[v-40]
                elif 100<=v<=107: st["bg"]=BASE[v-92]
                elif v==49: st["bg"]=None
                elif v in(38,48):
                    key="fg" if v==38 else "bg"
                    if p[k+1]==5: st[key]=c256(p[k+2]);k+=2
                    else: st[key]="#%02x%02x%02x"%tuple(p[k+2:k+5]);k+=4
                k+=1
            i+=m.end();continue
        if line[i]=="\x1b": i+=1;continue
        out.append((line[i],dict(st)));i+=1
    return out
W,H,FG,BG=8.43,18,"#d4d4d4","#16161b"
lines=open(sys.argv[1],encoding="utf8").read().rstrip("\n").split("\n")
st=dict(fg=None,bg=None,b=False,d=False,r=False,u=False);rows=[cells(l,st) for l in lines]
cols=max(len(r) for r in rows);w,h=cols*W+24,len(rows)*H+24
o=[f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {w:.0f} {h:.0f}" font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14"><rect width="100%" height="100%" rx="8" fill="{BG}"/>']
for y,row in enumerate(rows):
    x=0
    while x<len(row):
        s=row[x][1];e=x
        while e<len(row) and row[e][1]==s: e+=1
        text="".join(c for c,_ in row[x:e]);fg,bg=s["fg"] or FG,s["bg"]
        if s["r"]: fg,bg=(bg or BG),(s["fg"] or FG)
        if bg: o.append(f'<rect x="{12+x*W:.1f}" y="{12+y*H}" width="{(e-x)*W:.1f}" height="{H}" fill="{bg}"/>')
        if text.strip():
            a=' font-weight="bold"' if s["b"] else ""
            if s["d"]: a+=' opacity=".65"'
            o.append(f'<text x="{12+x*W:.1f}" y="{12+y*H+14}" fill="{fg}"{a} textLength="{(e-x)*W:.1f}" xml:space="preserve">{html.escape(text)}</text>')
        x=e
o.append("</svg>")
open(sys.argv[2],"w",encoding="utf8").write("\n".join(o)+"\n")
